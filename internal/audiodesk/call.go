package audiodesk

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
	"unicode/utf8"

	"countersign/internal/ident"
	"countersign/internal/locale"
	"countersign/internal/secret"
	"countersign/internal/wake"
)

// join has the person's phone called into the room. A tap that is handled again calls nobody
// again.
func (d *Desk) join(ctx context.Context, w work) (draft, error) {
	loud := func(key string) (draft, error) { return draft{notice: w.t(key, nil), loud: true}, nil }
	if !d.On() {
		return loud("audio.off_now")
	}
	number, there, err := d.number(ctx, w.Person)
	switch {
	case err != nil:
		return draft{}, err
	case !there:
		return d.askNumber(ctx, w)
	case !d.Rules.called(number):
		return loud("audio.number_prefix")
	}
	if w.of.Locked && w.of.right < leads {
		return loud("audio.over.locked")
	}
	id, err := ident.New("acl")
	if err != nil {
		return draft{}, err
	}
	c := call{
		ID: id, Cause: "tap/" + w.Tap, Room: w.of.ID, Person: w.Person.ID, Lang: language(w.Lang.Tag()), Leads: w.of.right >= leads,
	}
	err = d.want(ctx, &c, number)
	if key, known := refusal(err); known {
		return loud(key)
	}
	if err != nil {
		return draft{}, err
	}
	d.Bell.Ring()
	fresh, _, err := d.Store.standing(ctx, w.of.ID, w.Person)
	if err != nil {
		return draft{}, err
	}
	w.of = fresh
	out, err := d.room(ctx, w)
	out.notice = w.t("audio.calling", nil)
	return out, err
}

// refusal is why nobody is called, as the key of a text.
func refusal(err error) (string, bool) {
	for _, known := range []struct {
		err error
		key string
	}{
		{ErrInProgress, "audio.in_progress"}, {ErrDaily, "audio.daily"}, {ErrDailyAll, "audio.daily_all"}, {ErrClosed, "audio.closed"}, {ErrPrefix, "audio.number_prefix"},
	} {
		if errors.Is(err, known.err) {
			return known.key, true
		}
	}
	return "", false
}

// language is that of the prompts: two letters.
func language(tag string) string {
	const letters = 2
	if len(tag) < letters {
		return "en"
	}
	return tag[:letters]
}

// Request is a call that another system asks for.
type Request struct {
	Source string // that asks
	Key    string // names the request: asked again it is the same call
	Number string
	Room   string // a name of the source's; the room is there until somebody closes it, or nothing happens in it for a day
	Caller string // what the phone shows, a number of those that are set or a name; empty: as is set
	Lang   string // of the prompts; empty: English
}

// Called is a call that was asked for.
type Called struct {
	ID      string
	Room    string // its number at the exchange
	State   string // asked, claimed, ringing, in, ended
	Outcome Outcome
}

// fault tells what is wrong with a request, or nothing.
func (r Request) fault(number secret.Text) string {
	const mostSource, mostKey, mostCaller = 200, 255, 60 // a key as /v1 takes it
	switch {
	case r.Source == "" || line(r.Source, mostSource) != r.Source:
		return "the source is missing, longer than 200 characters, or not one plain line"
	case r.Key == "" || utf8.RuneCountInString(r.Key) > mostKey:
		return "the key is missing or longer than 255 characters"
	case number == "":
		return "the number is no telephone number: a plus and 8 to 15 digits"
	case r.Room == "" || line(r.Room, mostRoom) != r.Room:
		return "the name of the room is missing, longer than 80 characters, or not one plain line"
	case line(r.Caller, mostCaller) != r.Caller:
		return "the caller is longer than 60 characters, or not one plain line"
	case r.Lang != "" && (len(r.Lang) != 2 || r.Lang[0] < 'a' || r.Lang[0] > 'z' || r.Lang[1] < 'a' || r.Lang[1] > 'z'):
		return "the language is not two small letters"
	default:
		return ""
	}
}

// cause names the request. What a key is made of cannot make it another source's.
func (r Request) cause() string {
	const enough = 16
	sum := sha256.Sum256([]byte(r.Key))
	return "rest/" + r.Source + "/" + hex.EncodeToString(sum[:enough])
}

// Call has a number called into a room, with the same limits as everybody's. Asked again with
// the same key it is the same call, however that ended; the key names no other.
func (d *Desk) Call(ctx context.Context, r Request) (Called, error) {
	if !d.On() {
		return Called{}, ErrOff
	}
	number, _ := E164(r.Number)
	if fault := r.fault(number); fault != "" {
		return Called{}, fmt.Errorf("call: %s: %w", fault, ErrInvalid)
	}
	if !d.Rules.called(number) {
		return Called{}, ErrPrefix
	}
	if _, fine := d.Rules.shows(r.Caller); !fine {
		return Called{}, ErrCaller
	}
	c := call{Cause: r.cause(), into: r.Room, Source: r.Source, Caller: r.Caller, Lang: language(r.Lang)}
	var err error
	if c.ID, err = ident.New("acl"); err != nil {
		return Called{}, err
	}
	if c.sealed, err = d.Seal.Seal(number, numberFor(c.ID)); err != nil {
		return Called{}, err
	}
	if err := d.want(ctx, &c, number); err != nil {
		return Called{}, err
	}
	d.Bell.Ring()
	return d.callOf(ctx, c.ID)
}

func (d *Desk) callOf(ctx context.Context, id string) (Called, error) {
	c, _, err := d.Store.call(ctx, id)
	return Called{ID: c.ID, Room: c.Number, State: string(c.State), Outcome: c.Outcome}, err
}

// Times of the loops.
const (
	lookEvery = 5 * time.Second  // also when nothing rings
	tidyEvery = 30 * time.Second // and the exchange is looked at
	breath    = 100 * time.Millisecond
)

// Run calls whoever is to be called, listens to the exchange, and keeps screens up to date,
// each without waiting for the others, until ctx ends. Without an exchange there is nothing to
// do.
func (d *Desk) Run(ctx context.Context) error {
	if !d.On() {
		<-ctx.Done()
		return nil
	}
	ctx, stop := context.WithCancel(ctx)
	var beside sync.WaitGroup
	defer func() { stop(); beside.Wait() }()
	beside.Go(func() { d.listen(ctx) })
	beside.Go(func() {
		d.whenRung(ctx, func() (time.Duration, error) {
			err := d.Draw(ctx)
			next, fault := d.Store.soon(ctx, d.lookEvery())
			return next, errors.Join(err, fault)
		})
	})
	var tidied time.Time
	d.whenRung(ctx, func() (time.Duration, error) {
		err := d.Dial(ctx)
		if now := d.Now(); now.Sub(tidied) >= tidyEvery {
			tidied = now
			err = errors.Join(err, d.Tidy(ctx))
		}
		return d.lookEvery(), err
	})
	return nil
}

// whenRung works again and again until ctx ends: at each ring, and when the time is over that
// the work gives.
func (d *Desk) whenRung(ctx context.Context, work func() (time.Duration, error)) {
	for {
		rung := d.Bell.Wait()
		next, err := work()
		if err != nil && ctx.Err() == nil {
			d.Log.WarnContext(ctx, "audio rooms not looked after now", slog.Any("error", err))
			rung, next = nil, d.lookEvery() // what fails is not tried at every ring
		}
		if !pause(ctx, rung, next) {
			return
		}
	}
}

// pause waits for a ring or for a while; false as soon as ctx ends.
func pause(ctx context.Context, rung <-chan struct{}, most time.Duration) bool {
	t := time.NewTimer(most)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-rung:
		return wake.Rest(ctx, breath) // several that ring at once are one
	case <-t.C:
		return true
	}
}

func rest(ctx context.Context, d time.Duration) bool { return wake.Rest(ctx, d) }

// Dial makes the calls that wait, as many as may be at once. Without a line to the exchange it
// leaves them to another replica, for as long as one with a line needs to come to them.
func (d *Desk) Dial(ctx context.Context) error {
	if err := d.Store.tooLate(ctx); err != nil {
		return err
	}
	if !d.Exchange.State().Up {
		return d.Store.unmade(ctx, d.turn(), d.Rules.AtOnce)
	}
	for ctx.Err() == nil && d.Exchange.State().Up {
		c, mine, err := d.Store.claim(ctx, d.Rules.AtOnce)
		if err != nil || !mine {
			return err
		}
		if err := d.dial(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// Tidy finds out what nobody wrote down, ends what is over, and forgets what is to be forgotten.
func (d *Desk) Tidy(ctx context.Context) error {
	return errors.Join(d.Reconcile(ctx), d.Settle(ctx), d.unlinked(ctx), d.Conclude(ctx))
}

func (d *Desk) lang(tag string) locale.Lang { return d.Texts.For(tag) }
