-- Package ledger owns this: a vote by the messenger needs an account that may decide. The
-- guard stands beside vote_gate.

-- +goose Up
-- +goose StatementBegin
create function vote_power_gate() returns trigger
language plpgsql as $$
begin
  if not exists (select from telegram_link l where l.person_id = new.person_id and l.unlinked_at is null
     and (l.decides_from = l.linked_at or l.confirmed_at is not null or l.decides_from <= new.at)) then
    raise exception 'vote of %, whose account may not decide', new.person_id using errcode = 'CS016';
  end if;
  return new;
end $$;
-- +goose StatementEnd
select trusted('vote_power_gate()');
create trigger vote_power_gate before insert on vote
  for each row when (new.via = 'chat') execute function vote_power_gate();
alter table vote enable always trigger vote_power_gate;

-- +goose Down
drop trigger vote_power_gate on vote;
drop function vote_power_gate();
