-- Package directory owns this: the language of a person's messenger, for who chose none.

-- +goose Up
alter table setting add column heard text check (heard ~ '^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$' and char_length(heard) <= 35);
select grant_app('setting', 'update (heard)');

-- +goose Down
alter table setting drop column heard;
