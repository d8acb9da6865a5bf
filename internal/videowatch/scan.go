package videowatch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"

	"countersign/internal/directory"
	"countersign/internal/notice"
	"countersign/internal/people"
	"countersign/internal/trueconf"
)

// ScanOnce looks for forgotten conferences of a server if that is due, stops those whose
// time has come, and tells how long it is until it is due again.
func (w *Watch) ScanOnce(ctx context.Context, s Server) (time.Duration, error) {
	t, wait, err := w.Store.take(ctx, turn{server: s.Client.Name(), duty: scanning, every: s.Scan.Every}, scanHold)
	if err != nil || t.no == 0 {
		return wait, err
	}
	within, cancel := context.WithTimeout(ctx, scanTime)
	defer cancel()
	err = w.scan(within, s, t)
	if ctx.Err() == nil {
		err = errors.Join(err, w.Store.finish(ctx, t))
	}
	return s.Scan.Every, err
}

func (w *Watch) scan(ctx context.Context, s Server, t turn) error {
	all, err := s.Client.Running(ctx)
	if err != nil {
		after, cancel := detached(ctx)
		defer cancel()
		return errors.Join(err, w.Store.unknown(after, t))
	}
	found := w.judge(ctx, s, once(all))
	dir, err := w.Directory.Snapshot(ctx)
	if err != nil {
		return err
	}
	chats, err := w.Directory.Chats(ctx)
	if err != nil {
		return err
	}
	office := slices.ContainsFunc(chats, func(c directory.Chat) bool { return c.Fallback && !c.Disabled })
	told := false
	todo, err := w.Store.survey(ctx, t, s.Scan, found, func(tx Tx, x seen) ([]people.ID, error) {
		to, err := audience(ctx, tx, dir, s.Client.Name(), func(w Wants) bool { return w.Forgotten })
		if err == nil && to.nobody && !office {
			err = errNobody
		}
		if err != nil {
			return nil, err
		}
		told = true
		return to.ids(), w.forgotten(ctx, tx, to, s, x)
	})
	if err != nil {
		return err
	}
	if told {
		w.Notices.Bell.Ring()
	}
	var failures []error
	for _, j := range todo.stops {
		failures = append(failures, w.stop(ctx, s, t, j))
	}
	for _, x := range todo.missing {
		failures = append(failures, w.missing(ctx, s, t, x))
	}
	return errors.Join(failures...)
}

// once leaves out what is listed again: a session is one, under however many rooms.
func once(all []trueconf.Conference) []trueconf.Conference {
	met := map[string]bool{}
	return slices.DeleteFunc(all, func(c trueconf.Conference) bool {
		again := met[c.Session]
		met[c.Session] = c.Session != ""
		return again
	})
}

// judge asks for the people where the rest leaves it open, a few conferences at a time.
func (w *Watch) judge(ctx context.Context, s Server, all []trueconf.Conference) []judged {
	const atOnce = 4
	out := make([]judged, len(all))
	free := make(chan struct{}, atOnce)
	var wg sync.WaitGroup
	for i, c := range all {
		free <- struct{}{}
		wg.Go(func() {
			defer func() { <-free }()
			out[i] = w.one(ctx, s, c)
		})
	}
	wg.Wait()
	return out
}

func (w *Watch) one(ctx context.Context, s Server, c trueconf.Conference) judged {
	now := w.Now()
	j := judged{c: c, people: c.People}
	if s.Rule.weigh(c, now) != open {
		j.verdict = s.Rule.Judge(c, nil, false, now)
		return j
	}
	in, err := s.Client.Participants(ctx, c)
	if err != nil {
		w.Log.InfoContext(ctx, "people of a conference not known", slog.String("server", s.Client.Name()), slog.String("session", c.Session), slog.Any("error", err))
	} else {
		j.people = len(in)
	}
	j.verdict = s.Rule.Judge(c, in, err == nil, now)
	return j
}

// stop ends a session that is written down to be stopped, if it still is forgotten, and
// keeps what became of that.
func (w *Watch) stop(ctx context.Context, s Server, t turn, j judged) error {
	e := end{session: j.c.Session}
	if !w.one(ctx, s, j.c).verdict.Forgotten { // somebody came in, or nobody can say
		e.unused = true
		return w.settle(ctx, t, e)
	}
	err := s.Client.Stop(ctx, j.c)
	w.Log.InfoContext(ctx, "forgotten conference stopped", slog.String("server", t.server), slog.String("conference", j.c.ID), slog.String("session", j.c.Session), slog.Any("error", err))
	e.fault, e.right = faultOf(err)
	switch {
	case err == nil:
		e.outcome = stopped
	case errors.Is(err, trueconf.ErrNotRunning), errors.Is(err, trueconf.ErrOtherSession):
		e.outcome, e.fault = over, ""
	case final(err):
		e.outcome = failed
	}
	return w.settle(ctx, t, e)
}

// missing finds out what became of a session that was being stopped when somebody died.
func (w *Watch) missing(ctx context.Context, s Server, t turn, x session) error {
	if x.Conference != "" {
		c, err := s.Client.Conference(ctx, x.Conference)
		switch {
		case err != nil && trueconf.KindOf(err) != trueconf.NotFound:
			return fmt.Errorf("session %q: %w", x.Session, err)
		case err == nil && c.Running && (c.Session == x.Session || c.Session == ""): // it is listed again the next time, or may be
			return nil
		}
	}
	return w.settle(ctx, t, end{session: x.Session, outcome: over})
}

// settle keeps what became of a stop, also when the process is told to end meanwhile.
func (w *Watch) settle(ctx context.Context, t turn, e end) error {
	ctx, cancel := detached(ctx)
	defer cancel()
	dir, err := w.Directory.Snapshot(ctx)
	if err != nil {
		return err
	}
	err = w.Store.settle(ctx, t, e, func(tx Tx, r receipt) error {
		to, err := audience(ctx, tx, dir, t.server, func(w Wants) bool { return w.Forgotten })
		if err != nil {
			return err
		}
		to.people = slices.DeleteFunc(to.people, func(p people.Person) bool { return !r.knew(p) })
		return w.add(ctx, tx, alert{notice.Info, ended(t.server, e, r)}, to)
	})
	if err == nil && e.outcome != "" {
		w.Notices.Bell.Ring()
	}
	return err
}

// detached is for a note that is made also when the process is told to end.
func detached(ctx context.Context) (context.Context, context.CancelFunc) {
	const most = 5 * time.Second
	return context.WithTimeout(context.WithoutCancel(ctx), most)
}

// ended is what people are told of a stop.
func ended(server string, e end, r receipt) notice.Body {
	b := about(server, r.topic, r.owner)
	switch e.outcome {
	case stopped:
		b.Key = "watch.stopped"
	case over:
		b.Key = "watch.stop_over"
	case failed:
		b.Key, b.Words["Why"], b.Data["Right"] = "watch.stop_failed", "watch.fault."+e.fault, oneLine(e.right)
	}
	return b
}

// about names a conference. Whatever its owner called it stays on one line.
func about(server, topic, owner string) notice.Body {
	b := notice.Body{Data: map[string]string{"Server": oneLine(server), "Topic": oneLine(topic), "Owner": oneLine(owner)}, Words: map[string]string{}}
	for _, name := range []string{"Topic", "Owner"} {
		if b.Data[name] == "" {
			b.Words[name] = map[string]string{"Topic": "watch.untitled", "Owner": "watch.unknown"}[name]
		}
	}
	return b
}

// forgotten tells people of a conference, each with his own buttons.
func (w *Watch) forgotten(ctx context.Context, tx Tx, to crowd, s Server, x seen) error {
	server := s.Client.Name()
	a := alert{notice.Info, w.found(server, s.Scan, x)}
	if to.nobody || w.Buttons == nil || x.step == giveUp {
		return w.add(ctx, tx, a, to)
	}
	for _, p := range to.people {
		var err error
		if a.body.Buttons, err = w.Buttons(ctx, tx, p.ID, server, x.c); err != nil {
			return err
		}
		if err := w.add(ctx, tx, a, crowd{people: []people.Person{p}}); err != nil {
			return err
		}
	}
	return nil
}

// found is what people are told of a forgotten conference.
func (w *Watch) found(server string, how Scan, x seen) notice.Body {
	if x.step == giveUp {
		return ended(server, end{outcome: failed, fault: cmp.Or(x.Fault, "other")}, receipt{topic: x.c.Topic, owner: x.c.Owner})
	}
	b := about(server, x.c.Topic, x.c.Owner)
	b.Data["People"] = strconv.Itoa(x.people)
	b.Spans = map[string]time.Duration{"Age": w.Now().Sub(x.c.Started), "After": how.StopAfter}
	b.Words["Why"] = "watch.why." + string(x.verdict.Why)
	b.Words["Recording"] = map[trueconf.Fact]string{trueconf.Yes: "watch.yes", trueconf.No: "watch.no", trueconf.Untold: "watch.unknown"}[x.c.Recording]
	switch {
	case x.step == rehearse:
		b.Key = "watch.rehearsed"
	case how.StopAfter > 0 && !how.DryRun:
		b.Key = "watch.forgotten_stop"
	default:
		b.Key = "watch.forgotten"
	}
	return b
}
