-- +goose Up
-- Owned by package inbox: every update of the messenger, stored before it is answered.

create table telegram_update (
  bot_id      bigint      not null,
  update_id   bigint      not null,
  fast        boolean     not null, -- a tap or an inline query: Telegram keeps those for seconds only
  actor       bigint      not null, -- the queue in which Telegram holds it: a person or a chat
  body        bytea       not null check (octet_length(body) between 2 and 1048576),
  received_at timestamptz not null,
  state       text        not null default 'new' check (state in ('new', 'done', 'parked')),
  outcome     text        check (char_length(outcome) <= 500),
  attempts    int         not null default 0,
  copies      int         not null default 1, -- how often it came: Telegram repeats what it is unsure of
  next_at     timestamptz not null, -- when somebody else may take it, or try again
  lease       bigint      not null default 1, -- goes up with each taking and giving back
  settled_at  timestamptz,
  primary key (bot_id, update_id),
  check ((state = 'new') = (settled_at is null))
);
create index telegram_update_due on telegram_update (next_at) where state = 'new';
create index telegram_update_settled on telegram_update (settled_at) where state = 'done';
create index telegram_update_parked on telegram_update (bot_id, update_id) where state = 'parked';
select grant_app('telegram_update', 'select, insert, update, delete');

-- What cannot even be told apart: answered, so that it blocks nobody, and kept to be
-- looked at.
create table telegram_unreadable (
  id          bigint      generated always as identity primary key,
  bot_id      bigint      not null,
  body        bytea       not null,
  reason      text        not null check (char_length(reason) <= 500),
  received_at timestamptz not null
);
create index telegram_unreadable_age on telegram_unreadable (received_at);
select grant_app('telegram_unreadable', 'select, insert, delete');

-- One replica at a time asks for updates.
create table telegram_poller (
  bot_id      bigint      primary key,
  holder      text        not null,
  until       timestamptz not null
);
select grant_app('telegram_poller', 'select, insert, update');

-- What a person was asked to write, and how that ended. A button or a reply that comes
-- late is answered by what is kept here.
create table dialog (
  id         text        primary key check (id ~ '^dlg_[0-9a-z]{26}$'),
  account    bigint      not null,
  case_id    text        not null references approval_case,
  round      int         not null,
  step       int         not null,
  no         int         not null,
  revision   int         not null,
  verdict    text        not null check (verdict in ('accept', 'reject', 'return')),
  messages   bigint[]    not null default '{}', -- in which the question was put, as far as the messenger told us
  opened_at  timestamptz not null,
  asked_at   timestamptz, -- when it was last put
  expires_at timestamptz not null,
  outcome    text        check (outcome in ('voted', 'refused', 'cancelled', 'expired', 'replaced', 'unasked')),
  ended_by   bigint,      -- the update that brought the reason
  endings    int         not null default 0,
  constraint dialog_ends_once check (endings <= 1), -- a vote with a question that was cancelled does not commit
  check ((outcome is null) = (endings = 0))
);
create unique index dialog_open on dialog (account) where outcome is null;
create index dialog_account on dialog (account, expires_at);
create index dialog_age on dialog (expires_at);
select grant_app('dialog', 'select, insert, update, delete');

-- The secret of the webhook where none is configured: made once, the same for all
-- replicas.
create table telegram_secret (
  bot_id bigint primary key,
  secret text   not null check (char_length(secret) between 32 and 256)
);
select grant_app('telegram_secret', 'select, insert');

-- +goose Down
drop table telegram_secret, dialog, telegram_poller, telegram_unreadable, telegram_update;
