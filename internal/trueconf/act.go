package trueconf

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Create makes a conference that does not run yet. When the answer is lost and the room has
// an id of its own, it is looked for.
func (s *Server) Create(ctx context.Context, r Room) (Conference, error) {
	const op = "create conference"
	f, err := s.speaks(ctx)
	if err != nil {
		return Conference{}, err
	}
	var got struct {
		Room struct {
			ID text `json:"id"`
		} `json:"conference"`
	}
	err = f.do(ctx, call{op: op, right: rightWrite, method: http.MethodPost, path: "/conferences", body: f.room(r)}, &got)
	if err == nil && got.Room.ID == "" {
		err = s.named(op, &Error{Err: errGarbled})
	}
	switch {
	case err == nil:
		return Conference{ID: string(got.Room.ID), Topic: r.Topic, Owner: r.Owner, People: -1, Tags: r.Tags}, nil
	case unknown(err) && r.ID != "":
		after, cancel := s.after(ctx)
		defer cancel()
		if c, again := s.Conference(after, r.ID); again == nil {
			return c, nil
		}
	}
	return Conference{}, err
}

// Run starts a conference. One that runs already is none the worse.
func (s *Server) Run(ctx context.Context, id string) error {
	err := s.act(ctx, "run conference", http.MethodPost, id, "/run")
	if err == nil || KindOf(err) == NotFound {
		return err
	}
	after, cancel := s.after(ctx)
	defer cancel()
	if c, again := s.Conference(after, id); again == nil && c.Running {
		return nil
	}
	return err
}

// Delete removes a conference. One that is gone already is what was asked for.
func (s *Server) Delete(ctx context.Context, id string) error {
	err := s.act(ctx, "delete conference", http.MethodDelete, id, "")
	switch {
	case KindOf(err) == NotFound:
		return nil
	case unknown(err):
		after, cancel := s.after(ctx)
		defer cancel()
		if _, again := s.Conference(after, id); KindOf(again) == NotFound {
			return nil
		}
	}
	return err
}

// act makes a call that changes a conference.
func (s *Server) act(ctx context.Context, op, method, id, verb string) error {
	at, err := s.segment(op, id)
	if err != nil {
		return err
	}
	return s.do(ctx, call{op: op, right: rightWrite, method: method, path: "/conferences/" + at + verb}, nil)
}

// Stop ends the session that was looked at, and no other. It ends well when the session is
// over afterwards, whoever ended it, also when the answer was lost on the way.
//
// The API stops whatever runs in a room. The session is therefore looked at right before
// each request; a conference that is ended and started anew within that one exchange is
// beyond what a client of this API can tell apart.
func (s *Server) Stop(ctx context.Context, c Conference) error {
	const op = "stop conference"
	if c.ID == "" || c.Session == "" {
		why := "a call without a room cannot be stopped through the API; its owner can end it"
		if c.ID != "" {
			why = "the server does not tell which session runs, so another one could be hit"
		}
		return &Error{Kind: NotSupported, Server: s.o.Name, Op: op, Err: errors.New(why)}
	}
	err := s.stop(ctx, op, c)
	if errors.Is(err, errStale) && s.o.AccessToken == "" { // with a new token, after another look
		err = s.stop(ctx, op, c)
	}
	if errors.Is(err, ErrNotRunning) || errors.Is(err, ErrOtherSession) {
		return fmt.Errorf("trueconf server %q: %s: %w", s.o.Name, op, err)
	}
	return err
}

func (s *Server) stop(ctx context.Context, op string, c Conference) error {
	at, err := s.segment(op, c.ID)
	if err != nil {
		return err
	}
	if over, err := s.over(ctx, c); err != nil || over != nil {
		return cmp.Or(err, over)
	}
	var told struct {
		State text `json:"state"`
	}
	err = s.do(ctx, call{op: op, right: rightWrite, method: http.MethodPost, path: "/conferences/" + at + "/stop", once: true}, &told)
	if err == nil && told.State == "stopped" {
		return nil
	}
	if k := KindOf(err); err != nil && (k == Right || k == Credentials) {
		return err
	}
	after, cancel := s.after(ctx)
	defer cancel()
	const looks = 3
	for n := range looks {
		over, again := s.over(after, c)
		switch {
		case over != nil: // also when another session runs: this one is over
			return nil
		case again != nil && err == nil:
			return again
		case err != nil, n == looks-1, !wait(after, s.o.Pause): // one refused does not end by itself
			if err == nil {
				err = &Error{Server: s.o.Name, Op: op, Err: errors.New("the server took the request, and the conference still runs")}
			}
			return err
		}
	}
	return err
}

// over says why a session does not run any more; nil when it does.
func (s *Server) over(ctx context.Context, c Conference) (over, err error) {
	now, err := s.Conference(ctx, c.ID)
	switch {
	case KindOf(err) == NotFound:
		return ErrNotRunning, nil
	case err != nil:
		return nil, err
	case !now.Running:
		return ErrNotRunning, nil
	case now.Session != c.Session:
		return ErrOtherSession, nil
	}
	return nil, nil
}

// unknown reports whether a request may have been done although it brought an error.
func unknown(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && (e.Status == 0 || e.Status >= http.StatusInternalServerError || e.Status < http.StatusBadRequest)
}

// after is for looking at what became of a request, also when whoever made it is gone.
func (s *Server) after(ctx context.Context) (context.Context, context.CancelFunc) {
	const looks = 2
	return context.WithTimeout(context.WithoutCancel(ctx), looks*s.o.Timeout+time.Second)
}
