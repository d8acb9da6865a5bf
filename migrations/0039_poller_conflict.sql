-- Package inbox owns this: when Telegram last said that somebody else asks for updates with
-- the same token, so that any process can tell the operator.

-- +goose Up
alter table telegram_poller add column conflict_at timestamptz;

-- +goose Down
alter table telegram_poller drop column conflict_at;
