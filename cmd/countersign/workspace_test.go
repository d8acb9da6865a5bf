package main

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"

	"countersign/internal/directory"
	"countersign/internal/google"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/roster"
	"countersign/internal/route"
)

// The last approver stays in the directory when the company let him go, and is signed out
// of the console, with a Telegram account or without one.
func TestWhoIsHeldBackAsTheLastApproverIsSignedOut(t *testing.T) {
	t.Parallel()
	only := route.Route{Key: "payments", Document: "payment_request", Rules: []route.Rule{{
		Name: "all", Steps: []route.Step{{Key: "only", Mode: route.Any, Who: []route.Selector{{Person: "anna"}}}},
	}}}
	for _, linked := range []bool{true, false} {
		b := ledgertest.Empty(t)
		s := &roster.Sync{
			Config: roster.Config{Naming: roster.ByLocal, Domains: []string{"corp.example"}},
			Roll: func(context.Context) (google.Roll, error) {
				return google.Roll{Accounts: []google.Account{
					{ID: "1", Email: "anna@corp.example", Name: "Anna", Suspended: true}, {ID: "2", Email: "boris@corp.example", Name: "Boris"},
				}}, nil
			},
			Directory: b.Directory,
			Routes:    func(context.Context) ([]route.Route, error) { return []route.Route{only}, nil },
			Changed:   func(context.Context, ...string) (int, error) { return 0, nil },
			Alarm:     func(context.Context, roster.Alarm) {},
		}
		b.Import(t, directory.User{ExternalID: "anna", Name: "Anna", Email: "anna@corp.example"})
		proof := directory.Proof{Issuer: google.Issuer, Subject: "1", Email: "anna@corp.example"}
		var l directory.Login
		err := pgx.BeginFunc(t.Context(), b.Pool, func(tx pgx.Tx) (err error) {
			if linked {
				_, err = b.Directory.LinkIn(t.Context(), tx, "link", directory.NewLink{Account: 7, Proof: proof, Terms: directory.Terms{Confirm: directory.Notify}})
			}
			if err == nil {
				l, err = b.Directory.KnowIn(t.Context(), tx, "console", proof)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		plan, err := syncPeople(t.Context(), s)
		if err != nil || len(plan.Held) != 1 {
			t.Fatalf("%+v, %v", plan, err)
		}
		if _, err := b.Directory.SignedIn(t.Context(), l.By.ID, l.Era); !errors.Is(err, directory.ErrUnknown) {
			t.Errorf("linked %t: %v", linked, err)
		}
		if e, err := b.Directory.User(t.Context(), "anna"); err != nil || !e.Active {
			t.Errorf("linked %t: %+v, %v", linked, e, err)
		}
	}
}
