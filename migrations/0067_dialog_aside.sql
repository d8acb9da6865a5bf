-- Package chat owns this: a question for a reason steps aside for a field of a delegation that
-- is to be written, and was asked for after it.

-- +goose Up
alter table dialog add column aside boolean not null default false; -- while a field is to be written only what replies to it answers it

-- +goose Down
alter table dialog drop column aside;
