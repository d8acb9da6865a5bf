-- Package chat owns this: a delegation that somebody is putting together, one a person.

-- +goose Up
create table delegation_draft (
  no            bigint      generated always as identity primary key,
  account       bigint      not null constraint delegation_draft_once unique,
  deputy        text        not null default '' check (char_length(deputy) <= 30), -- and so on: empty while it is not chosen, or bounds nothing
  role          text        not null default '' check (char_length(role) <= 64),
  type          text        not null default '' check (char_length(type) <= 64),
  company       text        not null default '' check (plain_text(company, 0, 100)),
  most_minor    bigint      check (most_minor > 0 and most_minor < 1000000000000000000),
  currency      text        check (currency ~ '^[A-Z]{3}$'),
  starts_at     timestamptz, -- null: as soon as it is made
  until         timestamptz,
  awaits        text        not null default '' check (awaits in ('', 'd', 'c', 'l', 'f', 'u')), -- what is to be written next
  changes       int         not null default 0, -- a tap and a text may come at once: neither takes back the other's
  said          bigint      not null default 0, -- the message that brought what was written last
  delegation_id bigint      references delegation, -- what was made of it
  expires_at    timestamptz not null,
  check ((most_minor is null) = (currency is null))
);
create index delegation_draft_age on delegation_draft (expires_at);
select grant_app('delegation_draft', 'select, insert, update, delete');

-- +goose Down
drop table delegation_draft;
