package erp_test

import (
	"log/slog"
	"testing"
	"time"

	"countersign/internal/directory"
	"countersign/internal/ledger"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/postgres"
	"countersign/internal/postgres/postgrestest"
)

func TestADatabaseThatIsAwayIs503AndComesBack(t *testing.T) {
	t.Parallel()
	i := postgrestest.Open(t, postgres.Options{Test: true})
	if _, err := ledger.Migrate(t.Context(), i.OwnerDSN(), slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	b := &bench{Bench: ledgertest.On(t, i.OwnerDSN(), i.AppDSN())}
	b.start(t)
	b.key, b.auth = b.newKey(t, ledgertest.Source, directory.Scopes()...)
	b.Import(t, ledgertest.User("petrov", "Pyotr Petrov", "budget_holder", ledgertest.Budget), ledgertest.User("sidorova", "Olga", "finance_manager", ledgertest.Finance),
		ledgertest.User("kozlov", "Ivan", "treasurer", ledgertest.Treasurer))
	if _, err := b.Publish(t.Context(), []byte(ledgertest.Route()), "test"); err != nil {
		t.Fatal(err)
	}
	b.put(t, "BEFORE", rent)
	if err := i.Kill(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		out := b.call(t, request{method: "PUT", path: documentPath("AWAY"), body: rent})
		expect(t, out, 503, "unavailable")
		if out.header.Get("Retry-After") == "" || out.at(t, "retryable") != "true" {
			t.Errorf("%v %s", out.header, out.body)
		}
	}
	if err := i.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	deadline := time.After(patience)
	for {
		out := b.call(t, request{method: "PUT", path: documentPath("AWAY"), body: rent})
		if out.status == 201 || out.status == 200 {
			break
		}
		select {
		case <-deadline:
			t.Fatalf("it does not come back: %d %s", out.status, out.body)
		default:
		}
	}
	if state := b.get(t, documentPath("BEFORE")); state.at(t, "revision") != "1" {
		t.Errorf("%s", state.body)
	}
}
