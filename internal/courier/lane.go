package courier

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"countersign/internal/card"
	"countersign/internal/directory"
	"countersign/internal/pace"
	"countersign/internal/wake"
)

const (
	inPlace  = 300 * time.Millisecond // a turn that comes so soon is waited for with the case in hand
	ahead    = 25 * time.Millisecond  // of the next chat's begins the first message to a chat
	occupied = 500 * time.Millisecond // before a look at a message that another courier has in hand
	fresh    = 50 * time.Millisecond  // a turn that was given longer ago is asked for anew
)

// lane is what goes to one chat. Its messages follow one another; those of other chats
// do not wait for them.
type lane struct {
	*drawing

	chat     int64
	spots    []spotAt
	shown    map[string][]Message // by spot, in this chat; kept up to date
	faults   map[spotOf]bool      // noted by this drawing
	wait     time.Duration
	given    time.Time // when the last turn was
	conflict bool      // somebody else drew the same messages
	single   bool      // files go one by one: as an album they were refused, or may have been sent

	after <-chan struct{} // closed when the more urgent chats have had their turn to begin
	begun func()          // lets the next chat begin; may be called again
}

// spotAt is a message that should exist, with its place.
type spotAt struct {
	card.Spot
	place

	astray bool // it is nobody's there: what it showed is taken from it
}

func (l *lane) run(ctx context.Context) error {
	defer l.begun()
	<-l.after
	var found []error
	for i := 0; i < len(l.spots) && l.goOn() && (i == 0 || l.inTime()); {
		through, err := l.album(ctx, l.spots[i:])
		if through == 0 && err == nil {
			through, err = 1, l.spot(ctx, l.spots[i])
		}
		found = append(found, err)
		i += max(through, 1)
	}
	return errors.Join(found...)
}

// goOn reports whether another message may be begun; if not, the case is looked at
// again at once, here or elsewhere.
func (l *lane) goOn() bool {
	if l.mine() && l.stop.Err() == nil {
		return true
	}
	l.later(time.Millisecond)
	return false
}

// inTime reports whether the case was looked at lately. After slow calls it may have moved:
// what is asked now comes before what hangs below.
func (l *lane) inTime() bool {
	if l.Now().Sub(l.since) <= patience {
		return true
	}
	l.later(time.Millisecond)
	return false
}

// spot brings one message, and copies of it, to what it should be. One that was refused
// a moment ago is left as it is.
func (l *lane) spot(ctx context.Context, s spotAt) error {
	if l.faults[l.of(s)] {
		return nil
	}
	want := l.card(s)
	digest := want.Digest()
	var live []Message
	for _, m := range l.shown[s.Key()] {
		if m.Digest != digest || m.Fault != "" {
			gone, err := l.edit(ctx, s, &m, want)
			if err != nil {
				return err
			}
			if gone {
				continue
			}
		}
		live = append(live, m)
	}
	l.shown[s.Key()] = live
	if len(live) > 0 || s.Past {
		return nil
	}
	return l.send(ctx, s, want)
}

func (l *lane) card(s spotAt) card.Card {
	if s.astray {
		return card.Astray(l.view, s.Spot, s.lang)
	}
	view := l.view
	view.Zone = s.zone
	return card.For(view, s.Spot, s.lang)
}

// turn asks the limits for a message. When it is not its turn, the case is looked at
// again when it is.
func (l *lane) turn(ctx context.Context, c pace.Class) (bool, error) {
	for waited := time.Duration(0); ; {
		wait, err := l.Pace.Take(ctx, pace.Ask{Bot: l.Bot, Chat: l.chat, Group: l.chat < 0, Class: c})
		if err != nil {
			return false, err
		}
		if wait == 0 {
			l.given = l.Now()
			return l.goOn(), nil
		}
		l.begun()
		if waited += wait; waited > inPlace || !wake.Rest(ctx, wait) {
			l.later(wait)
			return false, nil
		}
	}
}

// still asks whether a turn holds after what was written down since it was given. Where the
// disk stalled, all who wrote waited for it, and their calls would go out as one heap: more
// than a second may see. Such a turn is lost, and another one is asked for.
func (l *lane) still(ctx context.Context, c pace.Class) (bool, error) {
	if l.Now().Sub(l.given) <= fresh {
		return true, nil
	}
	return l.turn(ctx, c)
}

// class is how soon a message is wanted; message is 0 for one that is not there yet.
func (l *lane) class(s card.Spot, message int64) pace.Class {
	switch {
	case s.Kind == card.KindGroup || s.Kind == card.KindFile:
		return pace.Notice
	case message == 0:
		return pace.NewCard
	case s.Kind == card.KindApprover && l.justVoted(s):
		return pace.Outcome
	default:
		return pace.Edit
	}
}

// begin is called when a message is on its way: soon the next chat may have its own.
func (l *lane) begin() { time.AfterFunc(ahead, l.begun) }

func (l *lane) later(d time.Duration) { l.wait = sooner(l.wait, d) }

// fault notes that a message cannot be shown; message is 0 for one that is not there.
func (l *lane) fault(ctx context.Context, s spotAt, message int64, refusal error) error {
	l.warn(ctx, "refused", s.Spot, refusal)
	at := l.of(s)
	if l.faults == nil {
		l.faults = map[spotOf]bool{}
	}
	l.faults[at] = true
	return l.Store.Fault(ctx, at, message, refusal.Error())
}

// fine notes that a chat takes messages again. What an edit shows says nothing of the topic.
func (l *lane) fine(ctx context.Context, s spotAt) {
	if s.group != nil && s.group.Fault != "" && s.group.Fault != directory.TopicFault {
		l.chatFault(ctx, s, "")
	}
}

// arrived notes how a chat took a new message: in its topic, or beside it.
func (l *lane) arrived(ctx context.Context, s spotAt, beside bool) { //nolint:revive // a fact about the message, not a switch
	fault := ""
	if beside {
		fault = directory.TopicFault
	}
	if s.group != nil && s.group.Fault != fault {
		l.chatFault(ctx, s, fault)
	}
}

// chatFault tells the directory how a group does. It is for those who look after the
// gateway: that it cannot be kept must not keep messages from being sent.
func (l *lane) chatFault(ctx context.Context, s spotAt, text string) {
	if err := l.Directory.ChatFault(ctx, s.group.ID, text); err != nil {
		l.Log.WarnContext(ctx, "state of a chat not noted", slog.String("chat", s.group.ID), slog.Any("error", err))
		return
	}
	s.group.Fault = text
}

func (l *lane) of(s spotAt) spotOf { return spotOf{string(l.d.Case.ID), s.Key(), l.Bot, l.chat} }

// note keeps what the messenger took. It tries again: what is not kept is sent twice.
func (l *lane) note(ctx context.Context, write func() error) error {
	err := write()
	for _, wait := range []time.Duration{20 * time.Millisecond, 200 * time.Millisecond, time.Second} {
		if err == nil || !wake.Rest(ctx, wait) {
			break
		}
		err = write()
	}
	return err
}
