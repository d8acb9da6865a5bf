-- Package pace owns this: a chat is counted by what it got lately, as a group's minute is.
-- A steady rate with a burst on top let four messages through within three seconds, where
-- three may be too many already.
--
-- A replica of before this step finds no pace_take: its messages wait until it is replaced.

-- +goose Up
alter table pace rename column minute to lately; -- when what was taken lately was, oldest first
drop function pace_take(bigint, bigint, timestamptz, interval, interval, interval, interval, int);

-- pace_admit takes one message from the budgets of the bot and of the chat, and of the group
-- when group_most is above 0: from all of them, giving zero, or from none, giving how long to
-- wait. The bot's step is the time that one message pays for, its room how far ahead of the
-- clock it may run; a chat gets at most so many in any while. The bot's row is locked before
-- the chat's, always.
-- +goose StatementBegin
create function pace_admit(
  for_bot bigint, for_chat bigint, given timestamptz, bot_step interval, bot_room interval,
  chat_most int, chat_while interval, group_most int, group_while interval
) returns interval
language plpgsql as $$
declare
  whole pace;
  one   pace;
  at    timestamptz;
  free  timestamptz;
  kept  interval := case when group_most > 0 then greatest(chat_while, group_while) else chat_while end;
begin
  whole := pace_lock(for_bot, 0);
  one := pace_lock(for_bot, for_chat);
  at := coalesce(given, clock_timestamp()); -- after the locks: takes follow one another in time
  free := greatest(whole.paid_at - bot_room, whole.held_until, one.held_until);
  if cardinality(one.lately) >= chat_most then
    free := greatest(free, one.lately[cardinality(one.lately) - chat_most + 1] + chat_while);
  end if;
  if group_most > 0 and cardinality(one.lately) >= group_most then
    free := greatest(free, one.lately[cardinality(one.lately) - group_most + 1] + group_while);
  end if;
  if free > at then
    return free - at;
  end if;
  update pace set paid_at = greatest(paid_at, at) + bot_step where bot = for_bot and chat = 0;
  update pace set
    paid_at = at,
    lately = array(select t from unnest(one.lately) t where t > at - kept order by t) || at
  where bot = for_bot and chat = for_chat;
  return interval '0';
end $$;
-- +goose StatementEnd

-- +goose Down
drop function pace_admit(bigint, bigint, timestamptz, interval, interval, int, interval, int, interval);
alter table pace rename column lately to minute;

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
  at := coalesce(given, clock_timestamp());
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
