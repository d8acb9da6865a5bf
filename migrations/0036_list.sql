-- Package ledger owns this: what somebody decided is listed without reading what others did.

-- +goose Up
create index vote_person on vote (person_id, at, case_id);

-- +goose Down
drop index vote_person;
