-- Package console owns this: who looked into the journal of what was sent and received is
-- itself written down.

-- +goose Up
alter table console_journal drop constraint console_journal_what_check;
alter table console_journal add constraint console_journal_what_check check (what in ('login', 'logout', 'refused', 'granted', 'ended', 'looked'));

-- +goose Down
alter table console_journal drop constraint console_journal_what_check;
alter table console_journal add constraint console_journal_what_check check (what in ('login', 'logout', 'refused', 'granted', 'ended')) not valid;
