package trueconf

import (
	"context"
	"errors"
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
		if c, again := s.Conference(after, r.ID); again == nil && c.Topic == r.Topic && same(c.Owner, r.Owner) {
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
