-- Package inbox owns this: the request that brought an update, so that whoever looks into
-- it finds the same one in the log.

-- +goose Up
alter table telegram_update add column request_id text not null default '' check (char_length(request_id) <= 100);

-- +goose Down
alter table telegram_update drop column request_id;
