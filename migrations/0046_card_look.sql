-- Package courier owns this: how the cards of open cases are meant to look, by the settings
-- of whoever started last, and how far those were asked for that looked otherwise.

-- +goose Up
create table card_look (
  bot_id     bigint      primary key check (bot_id > 0),
  meet       boolean     not null, -- they lead to video meetings
  changed_at timestamptz not null,
  next_case  text        not null check (char_length(next_case) <= 100), -- the last one that was asked for
  done       boolean     not null
);
select grant_app('card_look', 'select, insert, update');

-- +goose Down
drop table card_look;
