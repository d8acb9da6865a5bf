package trueconf

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

var (
	errNoRoom = errors.New("a call without a room cannot be stopped through the API; its owner can end it")
	errUntold = errors.New("the server does not tell which session runs, so another one could be hit")
)

// Stop ends the session that was looked at, and no other. It ends well when the session is
// over afterwards, whoever ended it, also when the answer was lost on the way.
//
// The API stops whatever runs in a room. The session is therefore looked at right before
// each request; a conference that is ended and started anew within that one exchange is
// beyond what a client of this API can tell apart.
func (s *Server) Stop(ctx context.Context, c Conference) error {
	const op = "stop conference"
	if c.ID == "" || c.Session == "" {
		why := errNoRoom
		if c.ID != "" {
			why = errUntold
		}
		return &Error{Kind: NotSupported, Server: s.o.Name, Op: op, Err: why}
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
	switch now, err := s.fate(ctx, op, c); {
	case err != nil:
		return err
	case now == ended:
		return ErrNotRunning
	case now == another:
		return ErrOtherSession
	}
	var told struct {
		State text `json:"state"`
	}
	err = s.do(ctx, call{
		op: op, right: rightWrite, method: http.MethodPost, path: "/conferences/" + at + "/stop", once: true, like: opConference,
	}, &told)
	switch k := KindOf(err); {
	case err == nil && told.State == "stopped":
		return nil
	case err != nil && (k == Right || k == Credentials):
		return err
	}
	ctx, cancel := s.after(ctx)
	defer cancel()
	if err != nil {
		if now, again := s.fate(ctx, op, c); again == nil && now != goesOn { // also when another one runs: this one is over
			return nil
		}
		return err
	}
	return s.settle(ctx, op, c)
}

// settle waits until a stop that the server took shows.
func (s *Server) settle(ctx context.Context, op string, c Conference) error {
	const looks = 3
	for n := range looks {
		if n > 0 && !wait(ctx, s.o.Pause) {
			break
		}
		switch now, err := s.fate(ctx, op, c); {
		case err != nil:
			return &Error{Kind: KindOf(err), Server: s.o.Name, Op: op, Err: fmt.Errorf("the server took the request, and what came of it cannot be seen: %w", err)}
		case now != goesOn:
			return nil
		}
	}
	return &Error{Server: s.o.Name, Op: op, Err: errors.New("the server took the request, and the conference still runs")}
}

// fate is what became of a session.
type fate int

const (
	goesOn  fate = iota
	ended        // nothing runs in the room, or the room is gone
	another      // it is over, and the next one runs
)

func (s *Server) fate(ctx context.Context, op string, c Conference) (fate, error) {
	f, err := s.speaks(ctx)
	if err != nil {
		return goesOn, err
	}
	now, err := f.conference(ctx, c.ID, session)
	switch {
	case KindOf(err) == NotFound:
		return ended, nil
	case err != nil:
		return goesOn, err
	case !now.Running:
		return ended, nil
	case now.Session == "":
		return goesOn, &Error{Kind: NotSupported, Server: s.o.Name, Op: op, Err: errUntold}
	case now.Session != c.Session:
		return another, nil
	}
	return goesOn, nil
}
