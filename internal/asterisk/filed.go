package asterisk

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// byFile has a call made by a call file, and comes back once it is heard to have begun. What
// Asterisk does not take is withdrawn. After [ErrUnanswered] the call may have begun.
func (c *Client) byFile(ctx context.Context, o Originate) error {
	n, now, err := c.there()
	if err != nil {
		return err
	}
	begun, forget := c.await(o.Job)
	defer forget()
	err = c.o.Spool.put(o, now, now.Add(c.o.Taken))
	if errors.Is(err, ErrInProgress) {
		if err = c.vacate(ctx, o.target()); err == nil {
			now = c.clock()
			err = c.o.Spool.put(o, now, now.Add(c.o.Taken))
		}
	}
	_, wrong := errors.AsType[*SpoolError](err)
	switch {
	case wrong || errors.Is(err, ErrAway):
		return err
	case errors.Is(err, ErrInProgress):
		return &Error{Action: fileAction, Is: ErrRefused, Err: err}
	case err != nil: // it is there, and nobody knows whether for long
		return &Error{Action: fileAction, Is: ErrUnanswered, Err: err}
	}
	late := time.NewTimer(c.o.Taken + c.o.Settle)
	defer late.Stop()
	select {
	case <-begun:
		return nil
	case <-late.C:
		return c.untaken(ctx, o)
	case <-n.ended:
		err = n.why()
	case <-ctx.Done():
		err = ctx.Err()
	}
	return &Error{Action: fileAction, Is: ErrUnanswered, Err: err}
}

// fileAction is what an [Error] of a call file calls it.
const fileAction = "call file"

// untaken is what a call is of which nothing was heard in time. Whoever hears nothing looks.
func (c *Client) untaken(ctx context.Context, o Originate) error {
	up, err := c.jobs(ctx)
	if err != nil {
		return &Error{Action: fileAction, Is: ErrUnanswered, Err: err}
	}
	if up[o.Job] {
		return nil
	}
	f, there, err := look(c.o.Spool.file(o.target()))
	switch {
	case err != nil:
		return &Error{Action: fileAction, Is: ErrUnanswered, Err: err}
	case there && f.job == o.Job:
		if err := c.o.Spool.withdraw(f); err != nil { // it lies there, and may yet be taken
			return &Error{Action: fileAction, Is: ErrUnanswered, Err: err}
		}
		return &Error{Action: fileAction, Is: ErrRefused, Message: "Asterisk did not take it: see that the module pbx_spool is loaded and that asterisk.spool is its folder"}
	}
	return &Error{Action: fileAction, Is: ErrUnanswered, Message: "Asterisk took it, and nothing is heard of the call; its log says why, if it could not read it"}
}

// vacate makes room for a call to a number whose file is there: nothing, if a call to it goes
// on or is about to. Asterisk takes the file of a call that is over away some milliseconds
// after its end; one that was killed leaves it.
func (c *Client) vacate(ctx context.Context, number string) error {
	tick := time.NewTicker(c.o.Settle / settleParts)
	defer tick.Stop()
	for range settleParts {
		f, there, err := look(c.o.Spool.file(number))
		if err != nil || !there {
			return c.o.Spool.wrongIf(err)
		}
		up, err := c.jobs(ctx)
		switch {
		case err != nil:
			return &Error{Action: fileAction, Is: ErrAway, Err: err}
		case up[f.job]:
			return ErrInProgress
		case c.clock().After(f.until.Add(time.Second)):
			return c.o.Spool.withdraw(f)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ErrInProgress
		}
	}
	return ErrInProgress
}

const settleParts = 10

// jobs are those of which a channel is up.
func (c *Client) jobs(ctx context.Context) (map[string]bool, error) {
	got, err := c.do(ctx, action{name: "CoreShowChannels"})
	return jobsOf(got.items), err
}

func jobsOf(list []message) map[string]bool {
	up := map[string]bool{}
	for _, m := range list {
		up[accounted(m.get("AccountCode"))] = true
	}
	return up
}

// there is the connection, and what Asterisk's clock shows.
func (c *Client) there() (*conn, time.Time, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn == nil {
		return nil, time.Time{}, &Error{Action: fileAction, Is: ErrAway, Err: c.state.Err}
	}
	return c.conn, c.o.Now().Add(c.state.Ahead), nil
}

func (c *Client) clock() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.o.Now().Add(c.state.Ahead)
}

// await gives a channel that is closed once anything is told of a job.
func (c *Client) await(job string) (begun <-chan struct{}, forget func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	own := make(chan struct{})
	c.awaited[job] = own
	return own, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.awaited[job] == own {
			delete(c.awaited, job)
		}
	}
}

// began takes what is told of a call that is waited for. The caller holds the mutex.
func (c *Client) began(m message) {
	job := accounted(m.get("AccountCode"))
	if ch := c.awaited[job]; ch != nil {
		close(ch)
		delete(c.awaited, job)
	}
}

// recall finds the files that a death left, Asterisk's or ours, as a connection comes up: of
// calls that are over while nobody heard it is told, and what will never be called is
// withdrawn. Up are the jobs that go on.
func (c *Client) recall(ctx context.Context, up map[string]bool, now time.Time) {
	s := c.o.Spool
	if s == nil {
		return
	}
	left, err := s.all(s.Outgoing)
	for _, f := range left {
		if !up[f.job] && now.After(f.until.Add(time.Second)) {
			err = errors.Join(err, s.withdraw(f))
		}
	}
	over, failed := s.all(s.done())
	for _, f := range over {
		if e, known := f.end(); known && !up[f.job] {
			e.At = c.o.Now()
			c.events.push(e)
		}
	}
	if err := errors.Join(err, failed, s.sweep(s.done(), now)); err != nil {
		c.o.Log.WarnContext(ctx, "call files of before not looked through", slog.Any("error", err))
	}
}

// tidy removes the files of calls that are over for long, however long the connection lives:
// their names are numbers. What is in the way is said once, and told for the next time.
func (c *Client) tidy(ctx context.Context, said string) string {
	s := c.o.Spool
	if s == nil {
		return ""
	}
	err := s.sweep(s.done(), c.clock())
	if err == nil {
		return ""
	}
	if err.Error() != said {
		c.o.Log.WarnContext(ctx, "call files of before stay: their names are numbers", slog.Any("error", err))
	}
	return err.Error()
}

// end is what became of a call whose file Asterisk has put away.
func (f filed) end() (Event, bool) {
	switch f.status {
	case "Completed":
		return Event{Kind: HungUp, Job: f.job}, f.job != ""
	case "Expired", "Failed":
		return Event{Kind: Failed, Job: f.job}, f.job != ""
	}
	return Event{}, false
}
