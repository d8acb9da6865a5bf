-- Package courier owns this: the cards of open cases may lead to talks by telephone, too.

-- +goose Up
alter table card_look add column phone boolean not null default false;

-- +goose Down
alter table card_look drop column phone;
