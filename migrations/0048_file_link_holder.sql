-- Package handout owns this: who a link to a file was given to, so that it ends with that.

-- +goose Up
alter table file_link add column connection bigint check (connection > 0); -- of the account that got it
alter table file_link add column chat text check (char_length(chat) between 1 and 200); -- the group that got it, by its external id
-- Links from before have neither: they are whoever's the place is now.
alter table file_link add constraint file_link_holder check ((connection is null or place > 0) and (chat is null or place < 0));
drop trigger file_link_stays_what_it_was on file_link;
create trigger file_link_stays_what_it_was before update on file_link for each row
  when ((new.hash, new.sha256, new.name, new.about, new.place, new.made_at, new.expires_at, new.connection, new.chat)
      is distinct from (old.hash, old.sha256, old.name, old.about, old.place, old.made_at, old.expires_at, old.connection, old.chat)
    or new.downloads < old.downloads or old.ended_at is not null and new.ended_at is distinct from old.ended_at)
  execute function refuse_change();
alter table file_link enable always trigger file_link_stays_what_it_was;

-- +goose Down
drop trigger file_link_stays_what_it_was on file_link;
create trigger file_link_stays_what_it_was before update on file_link for each row
  when ((new.hash, new.sha256, new.name, new.about, new.place, new.made_at, new.expires_at)
      is distinct from (old.hash, old.sha256, old.name, old.about, old.place, old.made_at, old.expires_at)
    or new.downloads < old.downloads or old.ended_at is not null and new.ended_at is distinct from old.ended_at)
  execute function refuse_change();
alter table file_link enable always trigger file_link_stays_what_it_was;
alter table file_link drop column connection, drop column chat;
