-- Package meet owns this: a talk about a document that still goes on when the time of its
-- links is over may be joined longer.

-- +goose Up
drop trigger meeting_stays_what_it_was on meeting;
create trigger meeting_stays_what_it_was before update on meeting for each row
  when ((new.id, new.source, new.about, new.server, new.host, new.owner, new.topic, new.lobby, new.idle, new.longest, new.made_at)
      is distinct from (old.id, old.source, old.about, old.server, old.host, old.owner, old.topic, old.lobby, old.idle, old.longest, old.made_at)
    or new.expires_at < old.expires_at
    or new.expires_at > old.expires_at and (old.about is null or old.ended_at is not null)
    or old.ended_at is not null and new.ended_at is distinct from old.ended_at)
  execute function refuse_change();
alter table meeting enable always trigger meeting_stays_what_it_was;
select grant_app('meeting', 'update (expires_at)');

-- +goose Down
drop trigger meeting_stays_what_it_was on meeting;
create trigger meeting_stays_what_it_was before update on meeting for each row
  when ((new.id, new.source, new.about, new.server, new.host, new.owner, new.topic, new.lobby, new.idle, new.longest, new.made_at, new.expires_at)
      is distinct from (old.id, old.source, old.about, old.server, old.host, old.owner, old.topic, old.lobby, old.idle, old.longest, old.made_at, old.expires_at)
    or old.ended_at is not null and new.ended_at is distinct from old.ended_at)
  execute function refuse_change();
alter table meeting enable always trigger meeting_stays_what_it_was;
