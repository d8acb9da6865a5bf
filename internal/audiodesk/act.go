package audiodesk

import (
	"context"
	"errors"
	"log/slog"
	"slices"

	"countersign/internal/asterisk"
	"countersign/internal/telegram"
)

// askClose asks whether.
func (d *Desk) askClose(_ context.Context, w work) (draft, error) {
	var p draft
	p.head("🚪 " + w.t("audio.close_sure", nil))
	p.say(line(w.of.Name, mostRoom))
	p.say(w.t("audio.close_means", nil))
	p.row(link{text: "🚪 " + w.t("audio.close_yes", nil), to: w.at(closeNow), style: telegram.Danger})
	p.row(w.back(w.at(toRoom)))
	return p, nil
}

// close closes a room for good, and has everybody in it hang up, and the phones fall silent
// that ring. Those whom the exchange cannot let go of now are taken out by whoever looks next.
func (d *Desk) close(ctx context.Context, w work) (draft, error) {
	if _, err := d.Store.closing(ctx, act{Person: w.Person.ID, What: "close", Room: w.of.ID}); err != nil {
		return draft{}, err
	}
	if d.On() {
		if err := d.vacate(ctx, w.of.Room); err != nil {
			d.Log.WarnContext(ctx, "a closed room is not empty yet", slog.String("room", w.of.ID), slog.Any("error", err))
		}
	}
	d.Bell.Ring()
	return closed(w, w.of), nil
}

func (d *Desk) vacate(ctx context.Context, r Room) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	ids, err := d.Store.ringing(ctx, r.ID)
	faults := []error{err}
	for _, id := range ids {
		if err := d.Exchange.Hangup(ctx, id); !errors.Is(err, asterisk.ErrNotFound) {
			faults = append(faults, err)
		}
	}
	return errors.Join(append(faults, d.Exchange.KickAll(ctx, r.Number))...)
}

// act does something to others in a room. The intent is on record before the exchange is
// asked; what is shown then is what it has. A tap that is handled again does nothing that it
// did before.
func (d *Desk) act(ctx context.Context, w work) (draft, error) {
	if !d.On() {
		return draft{notice: w.t("audio.off_now", nil), loud: true}, nil
	}
	a, err := d.intend(ctx, w)
	if err != nil || a.ID == "" {
		if err != nil {
			return draft{}, err
		}
		return d.after(ctx, w, "audio.gone")
	}
	how, fault := a.Outcome, error(nil)
	if how == "" {
		how, fault = d.perform(ctx, w.of.Room, a)
		d.ended(ctx, a, how, fault)
	}
	if err := d.look(ctx, w.of.Room); err != nil {
		d.Log.WarnContext(ctx, "not known who is in a room", slog.Any("error", err))
	}
	d.Bell.Ring()
	switch {
	case how == over:
		return d.after(ctx, w, "audio.gone")
	case fault != nil:
		return draft{notice: w.t(trouble(fault), nil), loud: true}, nil
	case how == failure:
		return draft{notice: w.t("audio.trouble.refused", nil), loud: true}, nil
	default:
		return d.after(ctx, w, "audio.done")
	}
}

// intend writes down what a tap asks for. One that asked before and of which nobody wrote down
// how it ended may have been cut off before or after it was done: if all is as it asked for it
// was, otherwise it is asked for still. Without an id: whom it is about is gone.
func (d *Desk) intend(ctx context.Context, w work) (act, error) {
	a := act{Person: w.Person.ID, What: w.place.Verb, Room: w.of.ID, Whom: w.place.Who, Tap: w.Tap}
	if w.Tap != "" {
		switch was, before, err := d.Store.begun(ctx, d.Store.Pool, w.Tap); {
		case err != nil:
			return act{}, err
		case before:
			return d.asIs(ctx, w.of.Room, was)
		}
	}
	if a.Whom != "" {
		in, err := d.Store.present(ctx, w.of.ID)
		if err != nil {
			return act{}, err
		}
		i := slices.IndexFunc(in, func(p participant) bool { return p.Whom == a.Whom })
		if i < 0 {
			return act{}, nil
		}
		a.Participant = in[i].No
	}
	fresh, err := d.Store.begin(ctx, d.Store.Pool, &a)
	if err != nil || fresh {
		return a, err
	}
	return d.asIs(ctx, w.of.Room, a)
}

// asIs settles an act if all is as it asked for.
func (d *Desk) asIs(ctx context.Context, r Room, a act) (act, error) {
	if a.Outcome != "" {
		return a, nil
	}
	k, err := d.key(ctx)
	if err != nil {
		return act{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	now, err := d.see(ctx, k, r.Number)
	if err != nil {
		return a, nil // the exchange is asked once more, and its fault is told
	}
	if a.came(now) == done {
		a.Outcome = done
		return a, d.Store.settle(ctx, d.Store.Pool, a, done, "looked at later")
	}
	return a, nil
}

// ended notes how an act ended, where that is known.
func (d *Desk) ended(ctx context.Context, a act, how end, fault error) {
	if how == "" {
		return
	}
	text := ""
	if fault != nil {
		text = fault.Error()
	}
	if err := d.Store.settle(context.WithoutCancel(ctx), d.Store.Pool, a, how, text); err != nil { // it is found out later
		d.Log.WarnContext(ctx, "end of an act not written down yet", slog.Any("error", err))
	}
}

// after is the room as it is then.
func (d *Desk) after(ctx context.Context, w work, key string) (draft, error) {
	fresh, _, err := d.Store.standing(ctx, w.of.ID, w.Person)
	if err != nil {
		return draft{}, err
	}
	w.of = fresh
	out, err := d.room(ctx, w)
	out.notice = w.t(key, nil)
	return out, err
}

// perform has the exchange do it, and says how that ended; nothing where nobody can know.
func (d *Desk) perform(ctx context.Context, r Room, a act) (end, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	var channel string
	if a.Whom != "" {
		var err error
		if channel, err = d.channel(ctx, r, a.Whom); err != nil {
			return failure, err
		}
		if channel == "" {
			return over, nil
		}
	}
	var err error
	switch a.What {
	case mute:
		err = d.Exchange.Mute(ctx, r.Number, channel)
	case unmute:
		err = d.Exchange.Unmute(ctx, r.Number, channel)
	case kick:
		err = d.Exchange.Kick(ctx, r.Number, channel)
	case lock:
		err = d.Exchange.Lock(ctx, r.Number)
	case unlock:
		err = d.Exchange.Unlock(ctx, r.Number)
	default:
		return failure, ErrInvalid
	}
	switch {
	case err == nil:
		return done, nil
	case errors.Is(err, asterisk.ErrUnanswered), ctx.Err() != nil && !errors.Is(err, asterisk.ErrNotFound):
		return "", err
	case errors.Is(err, asterisk.ErrNotFound):
		return over, nil
	default:
		return failure, err
	}
}

// channel is that of a participant now; empty: he is gone.
func (d *Desk) channel(ctx context.Context, r Room, who string) (string, error) {
	k, err := d.key(ctx)
	if err != nil {
		return "", err
	}
	in, err := d.Exchange.People(ctx, r.Number)
	if err != nil {
		return "", err
	}
	for _, p := range in {
		if whom(k.now, p) == who || k.before != nil && whom(k.before, p) == who {
			return p.Channel, nil
		}
	}
	return "", nil
}

// trouble is what is wrong with the exchange, as the key of a text.
func trouble(err error) string {
	switch {
	case errors.Is(err, asterisk.ErrUnanswered): // it may have been done, whatever lies below
		return "audio.trouble.unanswered"
	case errors.Is(err, asterisk.ErrAway), errors.Is(err, asterisk.ErrLogin):
		return "audio.trouble.away"
	case errors.Is(err, asterisk.ErrForbidden):
		return "audio.trouble.forbidden"
	case errors.Is(err, context.DeadlineExceeded):
		return "audio.trouble.unanswered"
	default:
		return "audio.trouble.refused"
	}
}

// Settle finds out how the acts ended whose end nobody wrote down. It looks, and does nothing
// to anybody.
func (d *Desk) Settle(ctx context.Context) error {
	all, err := d.Store.unsettled(ctx, d.doubt())
	if err != nil || len(all) == 0 || !d.On() {
		return err
	}
	k, err := d.key(ctx)
	if err != nil {
		return err
	}
	var faults []error
	for _, a := range all {
		r, there, err := d.Store.roomOf(ctx, a.Room)
		if err != nil || !there {
			faults = append(faults, err)
			continue
		}
		now, err := d.see(ctx, k, r.Number)
		if err == nil {
			err = d.Store.settle(ctx, d.Store.Pool, a, a.came(now), "looked at later")
		}
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

// came is how an act must have ended, seen how the room is now.
func (a act) came(now sight) end {
	i := slices.IndexFunc(now.In, func(p participant) bool { return p.is(a.Whom) })
	held := false
	switch a.What {
	case kick:
		held = i < 0
	case mute:
		held = i >= 0 && now.In[i].Muted
	case unmute:
		held = i >= 0 && !now.In[i].Muted
	case lock:
		held = now.Locked
	case unlock:
		held = !now.Locked
	default:
	}
	switch {
	case held:
		return done
	case a.Whom != "" && i < 0, a.Whom == "" && len(now.In) == 0: // with the last of them a lock goes
		return over
	default:
		return failure
	}
}
