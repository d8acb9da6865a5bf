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

// Limits are the rates. The zero value of a field means its default. A call may be late on
// its way, and come to Telegram together with those after it: each limit leaves room for that.
type Limits struct {
	// PerBot is how many messages a second the bot sends in all; 25 by default. A tenth of
	// it may come in one burst: a second sees 27 of the 30 that Telegram allows, and more
	// only of what was held up. Up to 30 the burst is no more than what is left of that;
	// above, where a Bot API server of one's own allows it, there is no such bound.
	PerBot int
	// PerChat is how many messages a second one chat gets on average of three seconds; 1 by
	// default: three messages at once, or one after the other, in any three seconds.
	PerChat int
	// PerGroupMinute is how many messages a group gets in any minute; 20 by default.
	PerGroupMinute int
}

const (
	defaultPerBot    = 25
	mostPerBot       = 30 // a second, of Telegram's own Bot API
	burstPart        = 10 // of what goes out in a second
	defaultPerChat   = 1
	chatSeconds      = 3
	defaultPerMinute = 20
	mostCounted      = 1000 // as the table allows
	// late is how much longer than those after it a call to the same chat may be on its way
	// without their coming too close together.
	late = 250 * time.Millisecond
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
	burst := rate / burstPart
	if rate <= mostPerBot {
		burst = min(burst, mostPerBot-rate)
	}
	whole := time.Duration(max(1, burst)-1) * step
	return budget{step: step, room: whole * time.Duration(classes-1-int(c)) / time.Duration(classes-1)}
}

// window is a limit as the database counts it: at most so many in any such while.
type window struct {
	most  int
	while time.Duration
}

func (l Limits) chat() window {
	rate := orDefault(l.PerChat, defaultPerChat)
	most := min(rate, mostCounted/chatSeconds) * chatSeconds
	return window{most: most, while: time.Duration(most)*time.Second/time.Duration(rate) + late}
}

// minute limits a group; nobody else when most is 0.
func (l Limits) minute(a Ask) window {
	if !a.Group {
		return window{}
	}
	return window{most: min(orDefault(l.PerGroupMinute, defaultPerMinute), mostCounted), while: time.Minute + late}
}

// every is the time that a message pays for at a rate, rounded up to what the database
// counts in: rounded down, a second would see one message more.
func every(rate int) time.Duration {
	const tick = time.Microsecond
	return max(tick, (time.Second/time.Duration(rate) + tick - 1).Truncate(tick))
}

func orDefault(n, otherwise int) int {
	if n <= 0 {
		return otherwise
	}
	return n
}
