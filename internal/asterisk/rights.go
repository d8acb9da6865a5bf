package asterisk

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"countersign/internal/secret"
)

// nowhere is a context that no dialplan has: a call through it reaches nobody.
const nowhere = "countersign-nowhere"

// Rights finds out whether the user may do what calls need, and rings nobody: it ends a
// channel that there is not, and asks for a call through a context that there is not, of whose
// failure it must hear within patience. It takes events, so that it is for a client of its
// own. The error is [ErrForbidden] with the right that is missing, or what else was wrong.
func (c *Client) Rights(ctx context.Context, patience time.Duration) error {
	job := "try-" + rand.Text()
	if err := c.Hangup(ctx, job); err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	err := c.Originate(ctx, Originate{
		Job: job, Channel: "Local/00@" + nowhere + "/n", Timeout: time.Second,
		Context: ContextRoom, Exten: "failed", Priority: 1, Variables: []Variable{{VariableJob, secret.Text(job)}},
	})
	if err != nil {
		return err
	}
	within, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		e, err := c.Next(within)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return &Error{Action: "Originate", Is: ErrForbidden, Right: "read = call,system,user", Message: "nothing is heard of calls"}
		case e.Job == job && e.Kind == Failed:
			return nil
		}
	}
}
