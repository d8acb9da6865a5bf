// Package pace owns the limits of the Bot API across all replicas: whoever is about to
// send or edit a message takes it from the budget of the bot and of the chat first.
//
// It owns the table pace and reads no clock but the database's. It leaves the sending,
// the waiting and the reading of refusals to its callers. Answers to taps are not
// limited and take nothing.
package pace

import (
	"errors"
	"fmt"
	"time"
)

// Class says how soon a message is wanted. The lower the class, the smaller the part of
// the bot's burst that it sees: what is left is kept for the higher ones.
type Class uint8

// The classes, from the most to the least urgent.
const (
	Outcome  Class = iota // what became of a tap
	NewCard               // somebody is asked
	Edit                  // an older message follows the case
	Reminder              // somebody is asked again
	Notice                // information for many
)

const classes = int(Notice) + 1

// ErrAsk means that an ask names no bot, no chat or no known class.
var ErrAsk = errors.New("not a message to pace")

// Limits are the steady rates. The zero value of a field means its default.
type Limits struct {
	// PerBot is how many messages a second the bot sends in all; 25 by default. A fifth of
	// it may come in one burst. Up to 30, Telegram's own limit, the burst is no more than
	// what is left of that, so that no second sees more than 30; above, where a Bot API
	// server of one's own allows it, there is no such bound.
	PerBot int
	// PerChat is how many messages a second one chat gets; 1 by default, with a burst of 3.
	PerChat int
	// PerGroupMinute is how many messages a group gets in any minute; 20 by default.
	PerGroupMinute int
}

const (
	defaultPerBot    = 25
	mostPerBot       = 30 // a second, of Telegram's own Bot API
	defaultPerChat   = 1
	defaultPerMinute = 20
	maxPerMinute     = 1000 // as the table allows
	chatBurst        = 3
)

// Ask is one message, new or edited, that is about to go out.
type Ask struct {
	Bot   int64
	Chat  int64
	Group bool // groups, supergroups and channels have a limit of their own
	Class Class
}

func (a Ask) check() error {
	if a.Bot == 0 || a.Chat == 0 || int(a.Class) >= classes {
		return fmt.Errorf("bot %d, chat %d, class %d: %w", a.Bot, a.Chat, a.Class, ErrAsk)
	}
	return nil
}

// budget is a rate as the database counts it: every message pushes the time at which
// all is paid off one step ahead, and that time may be at most room ahead of the clock.
type budget struct {
	step time.Duration
	room time.Duration
}

func (l Limits) bot(c Class) budget {
	rate := orDefault(l.PerBot, defaultPerBot)
	step := every(rate)
	burst := rate / classes
	if rate <= mostPerBot {
		burst = min(burst, mostPerBot-rate)
	}
	whole := time.Duration(max(1, burst)-1) * step
	return budget{step: step, room: whole * time.Duration(classes-1-int(c)) / time.Duration(classes-1)}
}

func (l Limits) chat() budget {
	step := every(orDefault(l.PerChat, defaultPerChat))
	return budget{step: step, room: (chatBurst - 1) * step}
}

// every is the time that a message pays for at a rate, rounded up to what the database
// counts in: rounded down, a second would see one message more.
func every(rate int) time.Duration {
	const tick = time.Microsecond
	return max(tick, (time.Second/time.Duration(rate) + tick - 1).Truncate(tick))
}

func (l Limits) minute(a Ask) int {
	if !a.Group {
		return 0
	}
	return min(orDefault(l.PerGroupMinute, defaultPerMinute), maxPerMinute)
}

func orDefault(n, otherwise int) int {
	if n <= 0 {
		return otherwise
	}
	return n
}
