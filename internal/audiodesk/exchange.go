package audiodesk

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"countersign/internal/asterisk"
	"countersign/internal/secret"
)

// dial has the exchange call a phone, once. What it says at once ends the call; what nobody
// can know is left to what is heard, and to whoever looks.
func (d *Desk) dial(ctx context.Context, c call) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	number, how, err := d.aim(ctx, c)
	if err != nil { // the exchange was not asked
		d.Log.WarnContext(ctx, "number not found out", slog.String("call", c.ID), slog.Any("error", err))
		return d.Store.end(ctx, c.ID, Failed)
	}
	if how != "" {
		return d.Store.end(ctx, c.ID, how)
	}
	o, err := d.phone(c, number).Originate()
	if err == nil {
		err = d.Exchange.Originate(ctx, o)
	}
	if err == nil {
		return nil
	}
	d.Log.WarnContext(ctx, "phone not called", slog.String("call", c.ID), slog.Any("error", err))
	if how := unrung(err); how != "" {
		return d.Store.end(ctx, c.ID, how)
	}
	return nil
}

// aim looks once more where a call goes. How it ended is said where nobody is to be called any
// more: also in the moment in which it was claimed a room is closed.
func (d *Desk) aim(ctx context.Context, c call) (number secret.Text, how Outcome, err error) {
	number, err = d.numberToCall(ctx, c)
	if err != nil {
		return "", "", err
	}
	if number == "" || !d.Rules.called(number) {
		return "", NoNumber, nil
	}
	r, _, err := d.Store.roomOf(ctx, c.Room)
	if err == nil && !r.Closed.IsZero() {
		how = Shut
	}
	return number, how, err
}

// unrung is how a call ended that the exchange did not take; empty: it may have, and whoever
// looks finds out.
func unrung(err error) Outcome {
	_, odd := errors.AsType[*asterisk.FieldError](err)
	switch {
	case errors.Is(err, asterisk.ErrUnanswered): // whatever lies below
		return ""
	case errors.Is(err, asterisk.ErrAway), errors.Is(err, asterisk.ErrLogin):
		return Away
	case errors.Is(err, asterisk.ErrForbidden), errors.Is(err, asterisk.ErrRefused), errors.Is(err, asterisk.ErrNotFound), odd:
		return Failed
	default:
		return ""
	}
}

func (d *Desk) phone(c call, number secret.Text) asterisk.Call {
	out := asterisk.Call{Job: c.ID, Number: number.Reveal(), Room: c.Number, Language: c.Lang, Admin: c.Leads, CallerNumber: d.Rules.CallerID, Ring: d.Rules.Ring}
	switch caller, fine := d.Rules.shows(c.Caller); {
	case caller != "":
		out.CallerNumber = caller
	case fine:
		out.CallerName = asterisk.PlainName(c.Caller)
	}
	return out
}

// numberToCall is where a call goes; empty: nowhere any more.
func (d *Desk) numberToCall(ctx context.Context, c call) (secret.Text, error) {
	if c.Person == "" {
		return d.Seal.Open(c.sealed, numberFor(c.ID))
	}
	dir, err := d.Directory(ctx)
	if err != nil {
		return "", err
	}
	p, _ := dir.Person(c.Person)
	number, _, err := d.number(ctx, p)
	return number, err
}

// listen writes down what the exchange tells, until ctx ends.
func (d *Desk) listen(ctx context.Context) {
	for {
		e, err := d.Exchange.Next(ctx)
		if err != nil {
			return
		}
		if err := d.heard(ctx, e); err != nil && ctx.Err() == nil { // whoever looks finds it out
			d.Log.WarnContext(ctx, "an event of the exchange not written down", slog.String("event", e.Kind.String()), slog.Any("error", err))
		}
	}
}

// heard writes down one event. All replicas hear all, in their own time: a call only goes on,
// and who is in a room is looked at.
func (d *Desk) heard(ctx context.Context, e asterisk.Event) error {
	var errs []error
	switch e.Kind {
	case asterisk.Resync:
		errs = append(errs, d.Reconcile(ctx))
	case asterisk.Ringing:
		errs = append(errs, d.Store.onward(ctx, e.Job, ringing), d.rangFor(ctx, e.Job))
	case asterisk.Joined:
		if e.Job != "" {
			errs = append(errs, d.Store.onward(ctx, e.Job, inside))
		}
	case asterisk.Failed, asterisk.Refused:
		errs = append(errs, d.Store.end(ctx, e.Job, outcomeOf(e)))
	case asterisk.HungUp:
		errs = append(errs, d.Store.end(ctx, e.Job, Over)) // in the room or, as somebody may just put the phone down, before it
	case asterisk.Answered, asterisk.Left, asterisk.Muted, asterisk.Unmuted, asterisk.Begun, asterisk.Ended, asterisk.Locked, asterisk.Unlocked:
	}
	if e.Room != "" && e.Kind >= asterisk.Joined {
		errs = append(errs, d.lookAt(ctx, e.Room))
	}
	d.Bell.Ring()
	return errors.Join(errs...)
}

// rangFor looks what a phone rings for: its room may have been closed while the exchange was
// asked to call.
func (d *Desk) rangFor(ctx context.Context, id string) error {
	c, _, err := d.Store.call(ctx, id)
	if err != nil {
		return err
	}
	return d.silence(ctx, c)
}

// silence hangs up a phone that rings for a closed room. Who is in it is let go of by look.
func (d *Desk) silence(ctx context.Context, c call) error {
	if !c.shut || c.State != claimed && c.State != ringing {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := d.Exchange.Hangup(ctx, c.ID); !errors.Is(err, asterisk.ErrNotFound) {
		return err
	}
	return nil
}

func outcomeOf(e asterisk.Event) Outcome {
	known, ok := map[asterisk.Cause]Outcome{
		asterisk.Busy: Busy, asterisk.NoAnswer: NoAnswer, asterisk.Rejected: Rejected, asterisk.UnknownNumber: NoSuchNumber,
		asterisk.Congestion: NoLine, asterisk.RoomLocked: LockedOut,
	}[e.Cause]
	if !ok {
		return Failed
	}
	return known
}

// lookAt looks who is in a room of ours, by its number.
func (d *Desk) lookAt(ctx context.Context, number string) error {
	r, ours, err := d.Store.byNumber(ctx, number)
	if err != nil || !ours {
		return err
	}
	return d.look(ctx, r)
}

// look looks who is in a room, and empties one that is closed.
func (d *Desk) look(ctx context.Context, r Room) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	k, err := d.key(ctx)
	if err != nil {
		return err
	}
	var seen sight
	err = d.Store.look(ctx, r.ID, func(ctx context.Context) (sight, error) {
		seen, err = d.see(ctx, k, r.Number)
		return seen, err
	})
	if err != nil {
		return err
	}
	for _, p := range seen.In {
		if p.Call != "" {
			if err := d.Store.onward(ctx, p.Call, inside); err != nil {
				return err
			}
		}
	}
	if r.Closed.IsZero() || len(seen.In) == 0 {
		return nil
	}
	return d.Exchange.KickAll(ctx, r.Number)
}

// see is a room as the exchange has it now.
func (d *Desk) see(ctx context.Context, k keys, number string) (sight, error) {
	all, err := d.Exchange.Rooms(ctx)
	if err != nil {
		return sight{}, err
	}
	in, err := d.Exchange.People(ctx, number)
	if err != nil {
		return sight{}, err
	}
	var out sight
	if i := slices.IndexFunc(all, func(r asterisk.Room) bool { return r.Name == number }); i >= 0 && len(in) > 0 {
		out.Locked = all[i].Locked
	}
	for _, p := range in {
		one := participant{Whom: whom(k.now, p), Call: p.Job, Muted: p.Muted}
		if k.before != nil {
			one.once = whom(k.before, p)
		}
		out.In = append(out.In, one)
	}
	return out, nil
}

// whom is how a participant is known here.
func whom(key []byte, p asterisk.Participant) string {
	if p.Job != "" && len(p.Job) <= 64 {
		return p.Job
	}
	return unnamed(key, p.Channel)
}

// Reconcile finds out what became of calls of which nobody wrote down the end, and who is in
// the rooms. It calls nobody.
func (d *Desk) Reconcile(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 3*patience)
	defer cancel()
	open, err := d.Store.pending(ctx, d.doubt()) // before the channels are asked for: those that come later are not gone
	if err != nil {
		return err
	}
	up, err := d.Exchange.Channels(ctx)
	if err != nil {
		return err
	}
	var faults []error
	for _, c := range open {
		if slices.ContainsFunc(up, func(ch asterisk.Channel) bool { return ch.Job == c.ID || ch.ID == c.ID }) {
			faults = append(faults, d.silence(ctx, c))
			continue
		}
		how := Unknown
		switch c.State {
		case inside:
			how = Over
		case ringing: // nobody was heard to pick up
			how = NoAnswer
		case wanted, claimed, ended:
		}
		faults = append(faults, d.Store.end(ctx, c.ID, how))
	}
	rooms, err := d.Exchange.Rooms(ctx)
	faults = append(faults, err)
	for _, r := range rooms {
		faults = append(faults, d.lookAt(ctx, r.Name))
	}
	known, err := d.Store.live(ctx)
	faults = append(faults, err)
	for _, r := range known {
		if !slices.ContainsFunc(rooms, func(o asterisk.Room) bool { return o.Name == r.Number }) {
			faults = append(faults, d.look(ctx, r))
		}
	}
	d.Bell.Ring()
	return errors.Join(faults...)
}

// Purge forgets what is older than it is kept: calls, for as long as is given, and numbers of
// those who left, also where there is no exchange any more.
func (d *Desk) Purge(ctx context.Context, calls time.Duration) error {
	return errors.Join(d.Store.purge(ctx, calls), d.unlinked(ctx))
}

// unlinked forgets the numbers of those who gave them by another account than they have.
func (d *Desk) unlinked(ctx context.Context) error {
	all, err := d.Store.givers(ctx)
	if err != nil || len(all) == 0 {
		return err
	}
	dir, err := d.Directory(ctx)
	if err != nil {
		return err
	}
	for id, account := range all {
		if p, known := dir.Person(id); known && p.Active && p.Telegram == account && account != 0 {
			continue
		}
		if err := d.Store.drop(ctx, id, account); err != nil {
			return err
		}
	}
	return nil
}
