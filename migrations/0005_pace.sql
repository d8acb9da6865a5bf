-- Package pace owns this table: what was sent lately to each chat of each bot, so that
-- all replicas together keep within the limits of the Bot API.
--
-- The table is unlogged: a take costs no flush, and what a crash forgets is worth a few
-- seconds. Rows are updated in place many times a second, hence the free room in pages.

-- +goose Up
create unlogged table pace (
  bot        bigint not null,
  chat       bigint not null,                -- 0: the bot as a whole
  paid_at    timestamptz not null,           -- when what was taken is paid off at the steady rate
  minute     timestamptz[] not null default '{}', -- of a group: what was taken in the last minute, oldest first
  held_until timestamptz not null default '-infinity', -- Telegram asked for silence until then
  primary key (bot, chat),
  check (cardinality(minute) <= 1000)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 5000);
select grant_app('pace', 'select, insert, update, delete');

-- pace_lock gives the row of a chat, made if need be, locked.
-- +goose StatementBegin
create function pace_lock(for_bot bigint, for_chat bigint) returns pace
language plpgsql as $$
declare found_row pace;
begin
  loop
    select * into found_row from pace where bot = for_bot and chat = for_chat for no key update;
    exit when found;
    insert into pace (bot, chat, paid_at) values (for_bot, for_chat, '-infinity') on conflict do nothing;
  end loop;
  return found_row;
end $$;
-- +goose StatementEnd

-- pace_take takes one message from the budgets of the bot and of the chat, and of the
-- group's minute when group_most is above 0: from all of them, giving zero, or from none,
-- giving how long to wait. A step is the time that one message pays for, a room how far
-- ahead of the clock a budget may run. The bot's row is locked before the chat's, always.
-- +goose StatementBegin
create function pace_take(
  for_bot bigint, for_chat bigint, given timestamptz,
  bot_step interval, bot_room interval, chat_step interval, chat_room interval, group_most int
) returns interval
language plpgsql as $$
declare
  whole pace;
  one   pace;
  at    timestamptz;
  free  timestamptz;
begin
  whole := pace_lock(for_bot, 0);
  one := pace_lock(for_bot, for_chat);
  at := coalesce(given, clock_timestamp()); -- after the locks: takes follow one another in time
  free := greatest(whole.paid_at - bot_room, whole.held_until, one.paid_at - chat_room, one.held_until);
  if group_most > 0 and cardinality(one.minute) >= group_most then
    free := greatest(free, one.minute[cardinality(one.minute) - group_most + 1] + interval '1 minute');
  end if;
  if free > at then
    return free - at;
  end if;
  update pace set paid_at = greatest(paid_at, at) + bot_step where bot = for_bot and chat = 0;
  update pace set
    paid_at = greatest(paid_at, at) + chat_step,
    minute = case when group_most > 0 then
      array(select t from unnest(one.minute) t where t > at - interval '1 minute' order by t) || at
      else '{}' end
  where bot = for_bot and chat = for_chat;
  return interval '0';
end $$;
-- +goose StatementEnd

-- +goose Down
drop function pace_take(bigint, bigint, timestamptz, interval, interval, interval, interval, int);
drop function pace_lock(bigint, bigint);
drop table pace;
