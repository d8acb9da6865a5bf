package hook_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign/internal/hook"
	"countersign/internal/seal"
)

// fileBench gives a bench whose hook seals, the seal, and the path of its key file.
func fileBench(t *testing.T) (b *bench, s *seal.Seal, file string) {
	t.Helper()
	b, file = newBench(t), filepath.Join(t.TempDir(), "seal.key")
	return b, b.reopen(file), file
}

// reopen gives the hook the seal of a key file, as a replica that starts with it.
func (b *bench) reopen(file string) *seal.Seal {
	b.tb.Helper()
	s, err := seal.Open(seal.Options{File: file, Create: true})
	if err == nil {
		s, err = seal.Start(b.tb.Context(), b.ledger.Pool, seal.Options{File: file})
	}
	if err != nil {
		b.tb.Fatal(err)
	}
	b.Seal = s
	return s
}

// refusesAll checks that a hook that cannot open a secret neither signs with something
// else nor throws the secret away.
func (b *bench) refusesAll(id string) {
	b.tb.Helper()
	before, requests := b.dump(), len(b.receiver.all())
	if _, _, err := b.Rotate(b.tb.Context(), source, id, time.Hour); !errors.Is(err, seal.ErrUnknownKey) || !strings.Contains(err.Error(), "every replica needs the same file") {
		b.tb.Errorf("rotated: %v", err)
	}
	if _, err := b.Test(b.tb.Context(), source, id); err == nil {
		b.tb.Error("a test was signed")
	}
	b.rounds()
	if n := len(b.receiver.all()) - requests; n != 0 {
		b.tb.Errorf("%d requests went out", n)
	}
	if e := b.get(id); e.Due != 1 || e.Failures != 0 || e.State != hook.Active {
		b.tb.Errorf("it is held against the receiver: %+v", e)
	}
	if b.dump() != before {
		b.tb.Error("the table changed")
	}
	if !b.log.has("secrets cannot be opened") {
		b.tb.Error("nobody was told")
	}
}

func TestReplicaWithAnOldKeyFileTouchesNoSecret(t *testing.T) {
	t.Parallel()
	b, s, file := fileBench(t)
	e := b.endpoint(hook.NewEndpoint{})
	old := filepath.Join(t.TempDir(), "old.key")
	text, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(old, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	key, err := s.Rotate(t.Context(), b.ledger.Pool)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := b.Reseal(t.Context(), 10); err != nil || n != 1 {
		t.Fatalf("%d sealed, %v", n, err)
	}
	b.emit("A", "case.started")
	if b.Seal, err = seal.Open(seal.Options{File: old}); err != nil {
		t.Fatal(err)
	}
	b.refusesAll(e.ID)
	if n, err := b.Reseal(t.Context(), 10); !errors.Is(err, seal.ErrUnknownKey) || n != 0 || b.stale(key) != 0 {
		t.Errorf("%d sealed back under the old key, %v", n, err)
	}

	b.Seal = s // with the file of today it goes on where it stood
	b.rounds()
	if got := b.receiver.all(); len(got) != 1 || !b.receiver.verified(got[0]) {
		t.Errorf("%+v", got)
	}
}

func TestSecretUnderARetiredKeyIsKeptUntilTheKeyIsBack(t *testing.T) {
	t.Parallel()
	b, s, file := fileBench(t)
	e := b.endpoint(hook.NewEndpoint{})
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var backup struct { // of the database, from before the rotation
		key            int64
		canary, secret []byte
	}
	if err := b.ledger.Pool.QueryRow(t.Context(), "select c.key_id, c.sealed, w.sealed from webhook_secret w join seal_canary c on c.key_id = w.sealed_key").
		Scan(&backup.key, &backup.canary, &backup.secret); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Rotate(t.Context(), b.ledger.Pool); err != nil {
		t.Fatal(err)
	}
	if n, err := b.Reseal(t.Context(), 10); err != nil || n != 1 {
		t.Fatalf("%d sealed, %v", n, err)
	}
	if gone, err := s.Retire(t.Context(), b.ledger.Pool); err != nil || len(gone) != 1 {
		t.Fatalf("%v retired, %v", gone, err)
	}
	if err := errors.Join(
		b.exec("insert into seal_canary (key_id, sealed, made_at) values ($1, $2, now())", backup.key, backup.canary),
		b.exec("update webhook_secret set sealed = $1", backup.secret),
	); err != nil {
		t.Fatal(err)
	}

	well := b.endpoint(hook.NewEndpoint{})
	b.emit("A", "case.started")
	b.rounds() // to the one whose secret is under the key of today
	if got := b.receiver.all(); len(got) != 1 || b.get(well.ID).Due != 0 {
		t.Errorf("the other was held up: %+v", got)
	}
	b.refusesAll(e.ID)
	if n, err := b.Reseal(t.Context(), 10); !errors.Is(err, seal.ErrUnknownKey) || !strings.Contains(err.Error(), e.ID) || n != 0 {
		t.Errorf("%d sealed, %v", n, err)
	}

	if err := os.WriteFile(file+".before", before, 0o600); err != nil {
		t.Fatal(err)
	}
	if b.Seal, err = seal.Open(seal.Options{File: file + ".before"}); err != nil {
		t.Fatal(err)
	}
	b.rounds()
	if got := b.receiver.all(); len(got) != 2 || !b.receiver.verified(got[1]) {
		t.Errorf("with the file of before: %+v", got)
	}
}
