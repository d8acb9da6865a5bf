package erp_test

import (
	"context"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"countersign/internal/directory"
)

// shared is the bench of the tests that need no ledger of their own: to make a database
// costs more than what most of them do.
var shared struct {
	once  sync.Once
	bench *bench
	ends  []func()
}

func TestMain(m *testing.M) {
	code := m.Run()
	for _, end := range slices.Backward(shared.ends) {
		end()
	}
	os.Exit(code)
}

// lasting is a test whose things stay until the last test has ended.
type lasting struct{ testing.TB }

func (l lasting) Cleanup(end func()) { shared.ends = append(shared.ends, end) }

func (l lasting) Context() context.Context { return context.WithoutCancel(l.TB.Context()) }

// common gives the shared bench with a source of the test's own, which is all that it sees.
// People and chats are those of all.
func common(t *testing.T) *bench {
	t.Helper()
	shared.once.Do(func() { shared.bench = newBench(lasting{t}) })
	if shared.bench == nil {
		t.Fatal("there is no shared bench")
	}
	own := *shared.bench
	own.key, own.auth = own.newKey(t, strings.ToLower(t.Name()), directory.Scopes()...)
	return &own
}
