-- Package ledger owns this: by what a document is found, and whose request it is. Who was
-- asked about it is found by the slots.

-- +goose Up
create table document_search (
  document_id text     primary key references document,
  number      text     not null check (char_length(number) <= 40), -- letters and digits only, folded; empty: none
  requester   text     not null check (char_length(requester) <= 400), -- in small letters, as on_behalf
  on_behalf   text     not null check (char_length(on_behalf) <= 400),
  words       tsvector not null -- see package document
);
create index document_search_words on document_search using gin (words) with (fastupdate = off);
create index document_search_number on document_search (number text_pattern_ops) where number <> '';
create index document_search_requester on document_search (requester, document_id);
create index document_search_on_behalf on document_search (on_behalf, document_id) where on_behalf <> '';
select grant_app('document_search', 'select, insert, update');

-- Which revision is there to be found; where it is not the last one, that is made good.
alter table document add column sought int not null default 0;
create index document_unsought on document (id) where sought <> revision;
select grant_app('document', 'update (sought)');

-- +goose Down
drop index document_unsought;
alter table document drop column sought;
drop table document_search;
