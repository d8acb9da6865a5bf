package ledger_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/approval"
	"countersign/internal/directory"
	"countersign/internal/ledger"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/people"
)

// login links an account to the person with this external id by a login.
func login(t *testing.T, b *ledgertest.Bench, externalID string, account int64, terms directory.Terms) {
	t.Helper()
	err := pgx.BeginFunc(t.Context(), b.Pool, func(tx pgx.Tx) error {
		_, err := b.Directory.LinkIn(t.Context(), tx, "link", directory.NewLink{
			Account: account, Terms: terms,
			Proof: directory.Proof{Issuer: "https://login.example", Subject: externalID, Email: externalID + "@example.org"},
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func accept(ctx context.Context, b *ledgertest.Bench, st ledger.Status, account int64, step int) (ledger.Voted, error) {
	return b.DB.Vote(ctx, ledger.Tap{
		Account: account, Case: st.Case.ID, Round: st.Case.Round, Step: step, Revision: st.Case.Revision, Verdict: approval.Accept,
	})
}

func TestAccountDecidesOnceItMayAndAsLongAsItMay(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	b.LoginLife = 90 * 24 * time.Hour
	st := b.Post(t, "1")
	login(t, b, "petrov", 5001, directory.Terms{Confirm: directory.ByAdmin})
	if v, err := accept(t.Context(), b, st, 5001, 0); !errors.Is(err, people.ErrUnconfirmed) || v.Person.ExternalID != "petrov" {
		t.Errorf("unconfirmed: %+v, %v", v.Person, err)
	}
	if _, err := b.Directory.Confirm(t.Context(), "admin", "petrov"); err != nil {
		t.Fatal(err)
	}
	if _, err := accept(t.Context(), b, st, 5001, 0); err != nil {
		t.Errorf("confirmed: %v", err)
	}
	login(t, b, "sidorova", 5002, directory.Terms{Confirm: directory.CoolingOff, Cooling: time.Hour})
	if _, err := accept(t.Context(), b, st, 5002, 1); !errors.Is(err, people.ErrCoolingOff) {
		t.Errorf("cooling off: %v", err)
	}
	b.Clock.Advance(time.Hour)
	if _, err := accept(t.Context(), b, st, 5002, 1); err != nil {
		t.Errorf("after the cooling off: %v", err)
	}
	notify := directory.Terms{Confirm: directory.Notify}
	login(t, b, "kozlov", 5003, notify)
	b.Clock.Advance(b.LoginLife)
	if _, err := accept(t.Context(), b, st, 5003, 2); !errors.Is(err, people.ErrLoginOld) {
		t.Errorf("an old login: %v", err)
	}
	login(t, b, "kozlov", 5003, notify)
	if v, err := accept(t.Context(), b, st, 5003, 2); err != nil || v.Status.Case.State != approval.Approved {
		t.Errorf("proved again: %v", err)
	}
}
