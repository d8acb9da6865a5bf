-- Package notice owns these: what an ERP is told of its notices, and in which order it
-- changes them.

-- +goose Up

-- The sender's own number of the latest change: what comes late never covers it up.
alter table notice add column sequence bigint not null default 0 check (sequence >= 0);
drop trigger notice_goes_on on notice;
create trigger notice_goes_on before update on notice for each row
  when ((new.id, new.source, new.class, new.audience, new.created_at, new.expires_at)
       is distinct from (old.id, old.source, old.class, old.audience, old.created_at, old.expires_at)
    or new.version < old.version or old.class <> 'progress' and new.version <> old.version
    or new.version = old.version and (new.body is distinct from old.body or new.sequence <> old.sequence)
    or new.sequence < old.sequence
    or old.spread_at is not null and new.spread_at is distinct from old.spread_at)
  execute function refuse_change();
alter table notice enable always trigger notice_goes_on;
select grant_app('notice', 'select, insert, update (body, version, sequence, spread_at), delete');

-- When a message arrived first, and why one will not, as a word that is told in any language.
alter table notice_message
  add column sent_at timestamptz,
  add column reason  text not null default '' check (reason ~ '^[a-z_]{0,30}$');
update notice_message set sent_at = at where message_id is not null;
update notice_message set reason = case fault when 'expired' then 'expired' when 'not connected to Telegram' then 'unlinked'
  when 'deactivated' then 'deactivated' when 'the chat is disabled' then 'disabled' when 'no such chat' then 'unknown_chat' else 'refused' end
  where fault <> '';
alter table notice_message add constraint notice_message_fault check ((fault = '') = (reason = ''));

-- +goose Down
alter table notice_message drop constraint notice_message_fault, drop column sent_at, drop column reason;
drop trigger notice_goes_on on notice;
alter table notice drop column sequence;
create trigger notice_goes_on before update on notice for each row
  when ((new.id, new.source, new.class, new.audience, new.created_at, new.expires_at)
       is distinct from (old.id, old.source, old.class, old.audience, old.created_at, old.expires_at)
    or new.version < old.version or old.class <> 'progress' and new.version <> old.version
    or new.version = old.version and new.body is distinct from old.body
    or old.spread_at is not null and new.spread_at is distinct from old.spread_at)
  execute function refuse_change();
alter table notice enable always trigger notice_goes_on;
