package hook_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign/internal/hook"
	"countersign/internal/seal"
	"countersign/internal/secret"
)

// sealedBench gives a bench whose hook seals, and the seal.
func sealedBench(t *testing.T) (*bench, *seal.Seal) {
	t.Helper()
	b := newBench(t)
	s, err := seal.Start(t.Context(), b.ledger.Pool, seal.Options{File: filepath.Join(t.TempDir(), "seal.key"), Create: true})
	if err != nil {
		t.Fatal(err)
	}
	b.Seal = s
	return b, s
}

// dump is everything in the table of secrets, as a copy of the database would hold it.
func (b *bench) dump() string {
	b.tb.Helper()
	rows, err := b.ledger.Pool.Query(b.tb.Context(), `select * from webhook_secret order by endpoint, role`)
	if err != nil {
		b.tb.Fatal(err)
	}
	defer rows.Close()
	var out bytes.Buffer
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			b.tb.Fatal(err)
		}
		for _, v := range values {
			if raw, ok := v.([]byte); ok {
				out.Write(raw)
				continue
			}
			fmt.Fprintln(&out, v)
		}
	}
	if err := rows.Err(); err != nil || out.Len() == 0 {
		b.tb.Fatal("nothing is there", err)
	}
	return out.String()
}

// stale counts the secrets that are not sealed under the key.
func (b *bench) stale(key uint32) (n int) {
	b.tb.Helper()
	err := b.ledger.Pool.QueryRow(b.tb.Context(), `select count(*) from webhook_secret where sealed_key is distinct from $1`, key).Scan(&n)
	if err != nil {
		b.tb.Fatal(err)
	}
	return n
}

// secretsOf makes endpoints with every kind of secret and gives what must not be seen.
func (b *bench) secretsOf() (endpoints, secrets []string) {
	b.tb.Helper()
	e, first, err := b.Create(b.tb.Context(), source, hook.NewEndpoint{URL: b.receiver.URL, Authorization: "Bearer s3cr3t-token"})
	if err != nil {
		b.tb.Fatal(err)
	}
	_, second, err := b.Rotate(b.tb.Context(), source, e.ID, time.Hour)
	if err != nil {
		b.tb.Fatal(err)
	}
	b.receiver.know(first.Reveal())
	b.receiver.know(second.Reveal())
	pair := b.endpoint(hook.NewEndpoint{Scheme: hook.Ed25519})
	return []string{e.ID, pair.ID}, []string{first.Reveal()[6:], second.Reveal()[6:], "s3cr3t-token", "whsk_", "Bearer"}
}

func (b *bench) noneOf(secrets []string) {
	b.tb.Helper()
	dump := b.dump()
	for i, s := range secrets {
		if strings.Contains(dump, s) {
			b.tb.Errorf("secret %d stands in the table", i)
		}
		if b.log.has(s) {
			b.tb.Errorf("secret %d stands in the log", i)
		}
	}
}

// signed checks that an event goes out to both endpoints, signed with what they know.
func (b *bench) signed(document string) {
	b.tb.Helper()
	before := len(b.receiver.all())
	b.emit(document, "case.started")
	b.rounds()
	got := b.receiver.all()[before:]
	auths := 0
	for _, q := range got {
		if !b.receiver.verified(q) {
			b.tb.Errorf("%s: a signature does not fit: %+v", document, q)
		}
		if q.Auth == "Bearer s3cr3t-token" {
			auths++
		}
	}
	if len(got) != 2 || auths != 1 {
		b.tb.Errorf("%s: %d requests, %d with authorization", document, len(got), auths)
	}
}

func TestSecretsAreStoredSealed(t *testing.T) {
	t.Parallel()
	b, s := sealedBench(t)
	endpoints, secrets := b.secretsOf()
	b.noneOf(secrets)
	b.signed("A")
	if got := b.receiver.all(); len(got[0].Signed)+len(got[1].Signed) != 3 {
		t.Errorf("the previous secret does not sign: %+v", got)
	}
	if _, err := b.Test(t.Context(), source, endpoints[0]); err != nil {
		t.Error(err)
	}
	other := secret.Text("Basic b3RoZXI=")
	if _, err := b.Update(t.Context(), source, endpoints[0], hook.Change{Version: b.get(endpoints[0]).Version, Authorization: &other}); err != nil {
		t.Fatal(err)
	}
	b.noneOf(append(secrets, "b3RoZXI="))
	if key, err := s.Primary(); err != nil || b.stale(key) != 0 {
		t.Errorf("%d secrets are not sealed, %v", b.stale(key), err)
	}
}

func TestSecretsOfBeforeAreSealedAndGoOnSigning(t *testing.T) {
	t.Parallel()
	b, s := sealedBench(t)
	b.Seal = nil
	_, secrets := b.secretsOf()
	if dump := b.dump(); !strings.Contains(dump, secrets[0]) {
		t.Fatal("without a seal secrets stay in the clear")
	}
	b.Seal = s
	b.signed("A") // as they are
	if n, err := b.Reseal(t.Context(), 1); err != nil || n != 4 {
		t.Fatalf("%d sealed, %v", n, err)
	}
	b.noneOf(secrets)
	b.signed("B")
	if n, err := b.Reseal(t.Context(), 1); err != nil || n != 0 {
		t.Errorf("%d sealed again, %v", n, err)
	}
}

func TestRotatedKeyReplacesTheOldOneEverywhere(t *testing.T) {
	t.Parallel()
	b, s := sealedBench(t)
	_, secrets := b.secretsOf()
	key, err := s.Rotate(t.Context(), b.ledger.Pool)
	if err != nil {
		t.Fatal(err)
	}
	if b.stale(key) != 4 {
		t.Fatalf("%d of 4 secrets are under the old key", b.stale(key))
	}
	if gone, err := s.Retire(t.Context(), b.ledger.Pool); err != nil || len(gone) != 0 {
		t.Fatalf("a key that is used went: %v, %v", gone, err)
	}
	lock, err := b.ledger.Pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Rollback(t.Context())
	if _, err := lock.Exec(t.Context(), `select from webhook_secret where role = 'previous' for update`); err != nil {
		t.Fatal(err)
	}
	if n, err := b.Reseal(t.Context(), 2); err != nil || n != 3 || b.stale(key) != 1 {
		t.Fatalf("%d sealed beside a row that is locked, %v", n, err)
	}
	if err := lock.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n, err := b.Reseal(t.Context(), 2); err != nil || n != 1 || b.stale(key) != 0 {
		t.Fatalf("%d sealed when it was free again, %v", n, err)
	}
	if gone, err := s.Retire(t.Context(), b.ledger.Pool); err != nil || len(gone) != 1 {
		t.Fatalf("the old key: %v, %v", gone, err)
	}
	b.noneOf(secrets)
	b.signed("A")
}

func TestMovedSecretSignsNothingAndHoldsUpNobodyElse(t *testing.T) {
	t.Parallel()
	b, _ := sealedBench(t)
	moved := b.endpoint(hook.NewEndpoint{})
	well := b.endpoint(hook.NewEndpoint{})
	err := b.exec(`update webhook_secret set sealed = (select sealed from webhook_secret where endpoint = $1) where endpoint = $2`, well.ID, moved.ID)
	if err != nil {
		t.Fatal(err)
	}
	b.emit("A", "case.started", "case.decided")
	b.rounds()
	if got := b.receiver.all(); len(got) != 2 {
		t.Fatalf("%d requests, want those of the endpoint whose secret is its own", len(got))
	}
	if e := b.get(moved.ID); e.Due != 2 || e.Failures != 0 || e.State != hook.Active {
		t.Errorf("the other: %+v", e)
	}
	if !b.log.has("secrets cannot be opened") {
		t.Error("nobody was told")
	}
	if _, err := b.Test(t.Context(), source, moved.ID); err == nil {
		t.Error("a test was signed")
	}
	if n, err := b.Reseal(t.Context(), 1); err != nil || n != 0 {
		t.Errorf("%d sealed, %v", n, err)
	}
	_, fresh, err := b.Rotate(t.Context(), source, moved.ID, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	b.receiver.know(fresh.Reveal())
	b.rounds()
	if e := b.get(moved.ID); e.Due != 0 || e.PreviousUntil != nil {
		t.Errorf("after a rotation: %+v", e)
	}
}

func TestSecretThatCannotBeOpenedDoesNotKeepOthersFromBeingSealed(t *testing.T) {
	t.Parallel()
	b, s := sealedBench(t)
	bad, well := b.endpoint(hook.NewEndpoint{}), b.endpoint(hook.NewEndpoint{})
	err := b.exec(`update webhook_secret set sealed = (select sealed from webhook_secret where endpoint = $1) where endpoint = $2`, well.ID, bad.ID)
	if err != nil {
		t.Fatal(err)
	}
	key, err := s.Rotate(t.Context(), b.ledger.Pool)
	if err != nil {
		t.Fatal(err)
	}
	n, err := b.Reseal(t.Context(), 1)
	if n != 1 || b.stale(key) != 1 || err == nil || !strings.Contains(err.Error(), bad.ID) {
		t.Errorf("%d sealed, %d left, %v", n, b.stale(key), err)
	}
}

func TestResealWithoutASealIsRefused(t *testing.T) {
	t.Parallel()
	if _, err := newBench(t).Reseal(t.Context(), 10); err == nil {
		t.Error("it pretends to have sealed")
	}
}
