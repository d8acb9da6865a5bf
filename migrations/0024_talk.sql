-- Package ledger owns this: what people say about a document beside their votes, and
-- package inbox the dialogues in which they are asked for it.

-- +goose Up
alter table comment
  add column kind      text not null default 'comment' check (kind in ('comment', 'question', 'answer', 'file')),
  add column person_id text references person, -- null: the ERP said it, in the name of author
  -- The message that brought it. The same message makes it once, however often it comes.
  add column origin    text unique check (char_length(origin) between 1 and 200),
  drop constraint comment_text_check, -- a file may come without a word
  add constraint comment_text_check check (char_length(text) between 1 and 4096 or text = '' and kind = 'file');

-- A question holds the slot of whoever asked: it is open while that slot is and nobody
-- has answered. Its words and those of the answer are comments.
create table question (
  case_id     text        not null references approval_case,
  no          int         not null check (no > 0),
  id          text        not null unique references comment,
  round       int         not null,
  step        int         not null,
  slot        int         not null,
  asked_by    text        not null references person,
  asked_to    text        references person, -- null: nobody known, the ERP answers
  answer_id   text        unique references comment,
  answered_by text        references person, -- null with an answer: the ERP said it
  primary key (case_id, no),
  foreign key (case_id, round, step, slot, asked_by) references slot (case_id, round, step, no, person_id),
  constraint question_to_another check (asked_by <> asked_to),
  constraint question_answered_by_whom_it_asks check (answered_by is null or answer_id is not null and answered_by = asked_to)
);
create trigger question_answered_once before update on question for each row
  when (old.answer_id is not null or (new.case_id, new.no, new.id, new.round, new.step, new.slot, new.asked_by, new.asked_to)
    is distinct from (old.case_id, old.no, old.id, old.round, old.step, old.slot, old.asked_by, old.asked_to))
  execute function refuse_change();
create trigger question_stays before delete on question for each row execute function refuse_change();
create trigger question_stays_all before truncate on question for each statement execute function refuse_change();
alter table question enable always trigger question_answered_once;
alter table question enable always trigger question_stays;
alter table question enable always trigger question_stays_all;
select grant_app('question', 'select, insert, update (answer_id, answered_by)');

-- A file that came from the messenger, with the comment that it came as.
create table attachment (
  comment_id  text primary key references comment,
  document_id text not null references document,
  sha256      text not null references file,
  name        text not null check (char_length(name) between 1 and 255)
);
create index attachment_document on attachment (document_id);
select append_only('attachment');
select grant_app('attachment', 'select, insert');

-- The number by which people ask for a document.
alter table document add column number text not null default '' check (char_length(number) <= 500);
update document d set number = left(coalesce(r.body::json ->> 'number', ''), 500)
  from revision r where (r.document_id, r.revision) = (d.id, d.revision) and position('\u0000' in r.body) = 0;
create index document_number on document (lower(number)) where number <> '';
select grant_app('document', 'update (number)');

alter table dialog
  drop constraint dialog_verdict_check,
  drop constraint dialog_outcome_check,
  add constraint dialog_verdict_check check (verdict in ('accept', 'reject', 'return', 'ask', 'answer')),
  add constraint dialog_outcome_check check (outcome in ('voted', 'said', 'refused', 'cancelled', 'expired', 'replaced', 'unasked'));

-- +goose Down
delete from dialog where verdict in ('ask', 'answer') or outcome = 'said';
alter table dialog
  drop constraint dialog_verdict_check,
  drop constraint dialog_outcome_check,
  add constraint dialog_verdict_check check (verdict in ('accept', 'reject', 'return')),
  add constraint dialog_outcome_check check (outcome in ('voted', 'refused', 'cancelled', 'expired', 'replaced', 'unasked'));
drop index document_number;
alter table document drop column number;
drop table attachment, question;
alter table comment
  drop constraint comment_text_check,
  add constraint comment_text_check check (char_length(text) between 1 and 4096) not valid, -- what is there stays
  drop column kind, drop column person_id, drop column origin;
