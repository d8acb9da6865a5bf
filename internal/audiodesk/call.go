package audiodesk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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
	number, mark, there, err := d.number(ctx, w.Person)
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
		ID: id, Cause: "tap/" + w.Tap, Room: w.of.ID, Person: w.Person.ID, mark: mark, Lang: language(w.Lang.Tag()), Leads: w.of.right >= leads,
	}
	err = d.Store.want(ctx, &c, d.Rules)
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
	Room   string // a name of the source's; the room is there as long as nobody closes it
	Caller string // what the phone shows, a number or a name; empty: as is set
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
	const mostKey, mostCaller = 200, 60
	switch {
	case r.Source == "" || r.Key == "" || utf8.RuneCountInString(r.Source)+utf8.RuneCountInString(r.Key) > mostKey:
		return "the key is missing or longer than 200 characters"
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

// Call has a number called into a room, with the same limits as everybody's. Asked again with
// the same key it is the same call, however that ended.
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
	room, err := d.Store.outside(ctx, r.Source, r.Room)
	if err != nil {
		return Called{}, err
	}
	c := call{Cause: "rest/" + r.Source + "/" + r.Key, Room: room.ID, Source: r.Source, Caller: r.Caller, Lang: language(r.Lang)}
	if c.ID, err = ident.New("acl"); err != nil {
		return Called{}, err
	}
	if c.mark, err = d.mark(ctx, number); err != nil {
		return Called{}, err
	}
	if c.sealed, err = d.Seal.Seal(number, numberFor(c.ID)); err != nil {
		return Called{}, err
	}
	if err := d.Store.want(ctx, &c, d.Rules); err != nil {
		return Called{}, err
	}
	d.Bell.Ring()
	return d.callOf(ctx, c.ID)
}

func (d *Desk) callOf(ctx context.Context, id string) (Called, error) {
	c, _, err := d.Store.call(ctx, id)
	return Called{ID: c.ID, Room: c.Number, State: string(c.State), Outcome: c.Outcome}, err
}

// Times of the loop.
const (
	lookEvery = 5 * time.Second  // also when nothing rings
	tidyEvery = 30 * time.Second // and the exchange is looked at
)

// Run calls whoever is to be called, listens to the exchange, and keeps screens up to date,
// until ctx ends. Without an exchange there is nothing to do.
func (d *Desk) Run(ctx context.Context) error {
	if !d.On() {
		<-ctx.Done()
		return nil
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		d.listen(ctx)
	}()
	defer func() { stop(); <-heard }()
	var tidied time.Time
	for {
		rung := d.Bell.Wait()
		err := errors.Join(d.Dial(ctx), d.Draw(ctx))
		if now := d.Now(); now.Sub(tidied) >= tidyEvery {
			tidied = now
			err = errors.Join(err, d.Tidy(ctx))
		}
		if err != nil && ctx.Err() == nil {
			d.Log.WarnContext(ctx, "audio rooms not looked after now", slog.Any("error", err))
			rung = nil // what fails is not tried at every ring
		}
		if !pause(ctx, rung, lookEvery) {
			return nil
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
		const breath = 100 * time.Millisecond
		return wake.Rest(ctx, breath) // several that ring at once are one
	case <-t.C:
		return true
	}
}

func rest(ctx context.Context, d time.Duration) bool { return wake.Rest(ctx, d) }

// Dial makes the calls that wait, as many as may be at once.
func (d *Desk) Dial(ctx context.Context) error {
	if err := d.Store.tooLate(ctx); err != nil {
		return err
	}
	for ctx.Err() == nil {
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

// Tidy finds out what nobody wrote down, and forgets what is to be forgotten.
func (d *Desk) Tidy(ctx context.Context) error {
	return errors.Join(d.Reconcile(ctx), d.Settle(ctx), d.unlinked(ctx))
}

func (d *Desk) lang(tag string) locale.Lang { return d.Texts.For(tag) }
