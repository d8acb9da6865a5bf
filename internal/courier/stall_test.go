package courier_test

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/approval"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/telegram/telegramtest"
)

// stall draws what is due, holds up what it writes to a table after it was given its turn,
// lets time pass, and has the bot's budget used up by others meanwhile. It gives the number
// of messages and edits that went out.
func (o *office) stall(t *testing.T, table string, passed time.Duration) int {
	t.Helper()
	tx, err := o.Pool.Begin(t.Context())
	must(t, err)
	_, err = tx.Exec(t.Context(), `lock table `+pgx.Identifier{table}.Sanitize()+` in exclusive mode`)
	must(t, err)
	before := o.calls()
	drawn := make(chan error, 1)
	go func() {
		_, err := o.courier.RunOnce(t.Context())
		drawn <- err
	}()
	o.until(t, func() bool {
		var held bool
		must(t, o.Pool.QueryRow(t.Context(), `select exists (select from pg_stat_activity
			where datname = current_database() and wait_event_type = 'Lock' and query like '%' || $1 || '%')`, table).Scan(&held))
		return held
	})
	o.Clock.Advance(passed)
	must(t, o.courier.Pace.Hold(t.Context(), o.courier.Bot, 0, 5*time.Second))
	must(t, tx.Rollback(t.Context()))
	must(t, <-drawn)
	return o.calls() - before
}

// calls are the messages, albums and edits that went out.
func (o *office) calls() int { return o.sends() + o.edits() + len(o.tg.CallsOf("sendMediaGroup")) }

// TestATurnThatWasHeldUpByTheDiskIsLost: where writing down what is about to be sent takes
// long, all who wait for it would send at once, whatever the limits gave them before.
func TestATurnThatWasHeldUpByTheDiskIsLost(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		passed time.Duration
		calls  int
	}{"held up": {60 * time.Millisecond, 0}, "hardly": {40 * time.Millisecond, 1}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			o.unlink(t, ledgertest.Requester, ledgertest.Finance, ledgertest.Treasurer) // so that there is one message to a step
			ask := func(what string, got int) {
				t.Helper()
				if got != c.calls {
					t.Errorf("%s: %d calls, want %d", what, got, c.calls)
				}
				o.pass(t, 10*time.Second)
				o.calm(t)
			}

			st := o.pay(t, "401", 12_500_000, o.attachments(t, "401", 3)...)
			ask("new card", o.stall(t, "card_message", c.passed))
			o.shows(t, st.Case.ID, 1)

			other := o.pay(t, "402", 12_500_000, o.attachments(t, "402", 3)...)
			o.tg.FailNext("sendMediaGroup", telegramtest.Refuse(500, "Internal Server Error"))
			once(t, o.courier) // so that its files are all that is left of it
			o.pass(t, 10*time.Second)
			ask("album", o.stall(t, "card_message", c.passed))
			o.shows(t, other.Case.ID, 1)

			o.Vote(t, "401", ledgertest.Budget, approval.Accept, "")
			ask("edit", o.stall(t, "card_message", c.passed))
			o.shows(t, st.Case.ID, 1)

			inline := o.post(t, ledgertest.Budget, st.Case.ID)
			ask("posted card", o.stall(t, "inline_card", c.passed))
			o.follows(t, inline, st.Case.ID)
		})
	}
}
