-- Package notice owns these: messages that are not cards, and how far each has come.

-- +goose Up

-- What is told, and to whom. The text of a progress may change until it is over; each
-- change is a version, and messages follow the newest.
create table notice (
  id         text        primary key check (id ~ '^ntc_[0-9a-hjkmnp-tv-z]{26}$'),
  source     text        check (plain_text(source, 1, 200)), -- who sent it; null: the gateway itself
  class      text        not null check (class in ('info', 'alarm', 'progress')),
  body       jsonb       not null check (jsonb_typeof(body) = 'object'),
  audience   jsonb       not null check (jsonb_typeof(audience) = 'object'),
  version    int         not null default 1 check (version > 0),
  created_at timestamptz not null,
  expires_at timestamptz not null check (expires_at > created_at), -- what is not sent then is no news
  spread_at  timestamptz check (spread_at >= created_at) -- when it was settled who gets it
);
create index notice_unspread on notice (created_at) where spread_at is null;
create index notice_age on notice (created_at);
create trigger notice_goes_on before update on notice for each row
  when ((new.id, new.source, new.class, new.audience, new.created_at, new.expires_at)
       is distinct from (old.id, old.source, old.class, old.audience, old.created_at, old.expires_at)
    or new.version < old.version or old.class <> 'progress' and new.version <> old.version
    or new.version = old.version and new.body is distinct from old.body
    or old.spread_at is not null and new.spread_at is distinct from old.spread_at)
  execute function refuse_change();
alter table notice enable always trigger notice_goes_on;
select grant_app('notice', 'select, insert, update (body, version, spread_at), delete');

-- One message to somebody: the text, or a file that hangs under it. Several texts that
-- had to wait for a group may have gone in one message.
create table notice_message (
  notice_id  text        not null references notice on delete cascade,
  recipient  text        not null check (char_length(recipient) between 1 and 300), -- person:…, chat:… or account:…
  part       smallint    not null check (part between 0 and 100), -- 0: the text; then its files
  chat_id    bigint      not null, -- 0: there is none
  thread_id  bigint      not null default 0,
  language   text        not null check (char_length(language) <= 35),
  bot_id     bigint      check (bot_id > 0),
  message_id bigint      check (message_id > 0),
  shown      int         not null default 0, -- the version that it shows
  crowded    boolean     not null default false, -- its turn did not come
  attempts   int         not null default 0,
  next_at    timestamptz, -- when to look at it; null: nothing is to be done
  fault      text        not null default '' check (char_length(fault) <= 500), -- why it did not, and will not, arrive
  at         timestamptz not null, -- of the latest change
  primary key (notice_id, recipient, part),
  constraint notice_message_sent check ((bot_id is null) = (message_id is null)),
  constraint notice_message_place check (chat_id <> 0 or next_at is null)
);
create index notice_message_due on notice_message (next_at) where next_at is not null;
select grant_app('notice_message', 'select, insert, update, delete');

-- +goose Down
drop table notice_message, notice;
