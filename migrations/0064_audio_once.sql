-- Package audiodesk owns these: what a tap does to others it does once, words count as one try
-- at a PIN, all tries at a room's PIN are counted together, and an answer of the exchange that
-- is older than another one is known as that.

-- +goose Up
alter table audio_room
  add column looked  bigint      not null default 0,                           -- answers of the exchange that were written down
  add column guesses int         not null default 0 check (guesses between 0 and 1000), -- tries at its PIN, of everybody together
  add column guessed timestamptz,                                              -- the first of them
  add constraint audio_room_guesses check (guesses = 0 or guessed is not null);
select grant_app('audio_room', 'update (looked, guesses, guessed)');

alter table audio_member add column tried text check (char_length(tried) between 1 and 200); -- the words of the last try
select grant_app('audio_member', 'update (tried)');

alter table audio_act add column tap text check (char_length(tap) between 1 and 200);
create unique index audio_act_once on audio_act (tap) where tap is not null;

-- +goose Down
drop index audio_act_once;
alter table audio_act drop column tap;
alter table audio_member drop column tried;
alter table audio_room drop constraint audio_room_guesses, drop column looked, drop column guesses, drop column guessed;
