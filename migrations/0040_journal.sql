-- Package journal owns this: what was received from the messenger and sent to it. Bodies of
-- updates are in the inbox, facts in the ledger. Nothing rests on a row here: they are
-- written late, may be lost with the process, and go after a while.

-- +goose Up
create table journal_entry (
  id         text        primary key check (id ~ '^jrn_[0-9a-z]{26}$'), -- made with the entry: what is written again is there already
  at         timestamptz not null,
  way        text        not null check (way in ('in', 'out', 'gap')),
  method     text        not null check (char_length(method) <= 64), -- of the Bot API; of an update its kind
  what       text        not null check (char_length(what) <= 64),   -- a command, a tap, a text; why a webhook was refused
  outcome    text        not null check (char_length(outcome) between 1 and 32),
  failed     boolean     not null,
  code       int         not null, -- of the answer; 0: none
  said       text        not null check (char_length(said) <= 1000), -- what was wrong, or what came of it
  chat       bigint      not null, -- 0: none, like the other numbers
  message    bigint      not null,
  account    bigint      not null, -- of the person
  case_id    text        not null check (char_length(case_id) <= 64),
  notice_id  text        not null check (char_length(notice_id) <= 64),
  update_id  bigint      not null,
  request_id text        not null check (char_length(request_id) <= 100),
  bytes      bigint      not null check (bytes >= 0),
  took_us    bigint      not null check (took_us >= 0),
  attempts   int         not null check (attempts >= 0),
  times      bigint      not null check (times > 0), -- how many the entry stands for
  digest     text        not null check (digest ~ '^([0-9a-f]{64})?$'), -- SHA-256 of the text that was sent
  text       text        not null check (char_length(text) <= 8192),
  params     text        not null check (char_length(params) <= 16384)  -- of a call that failed, in JSON
);
create index journal_entry_at on journal_entry (at, id);
create index journal_entry_chat on journal_entry (chat, at, id) where chat <> 0;
create index journal_entry_account on journal_entry (account, at, id) where account <> 0;
create index journal_entry_case on journal_entry (case_id, at, id) where case_id <> '';
create index journal_entry_method on journal_entry (method, at, id);
create index journal_entry_update on journal_entry (update_id, at, id) where update_id <> 0;
create index journal_entry_request on journal_entry (request_id) where request_id <> '';
create index journal_entry_failed on journal_entry (at, id) where failed;
select grant_app('journal_entry', 'select, insert, delete');

-- +goose Down
drop table journal_entry;
