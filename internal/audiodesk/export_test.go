package audiodesk

import (
	"context"
	"time"

	"countersign/internal/secret"
)

// Hurry has a desk wait for next to nothing where it waits by the database's clock: before a
// call of which nothing is heard is looked for, or one is given up that nobody makes, and between
// two drawings of a screen.
func Hurry(d *Desk) {
	d.grace, d.still, d.missed = time.Millisecond, time.Millisecond, time.Millisecond
}

// Patient has a desk leave calls to others, and to whoever claimed them, for as long as it would.
func Patient(d *Desk) { d.grace, d.missed = 0, 0 }

// Desert has a desk close rooms of cases as soon as they are empty.
func Desert(d *Desk) { d.empty = time.Microsecond }

// Idle has a desk look for nothing that it is not rung for, and leave screens alone for a
// while after they were drawn.
func Idle(d *Desk, still time.Duration) { d.still, d.idle = still, time.Hour }

// Unrung is how a call ended by an error of the exchange's.
func Unrung(err error) Outcome { return unrung(err) }

// Trouble is the key of what is told of one.
func Trouble(err error) string { return trouble(err) }

// Calls reports whether numbers like this one are called.
func Calls(r Rules, number secret.Text) bool { return r.called(number) }

// Listen has a desk write down what its exchange tells, until ctx ends.
func Listen(ctx context.Context, d *Desk) { d.listen(ctx) }
