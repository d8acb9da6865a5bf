package postgres_test

import (
	"errors"
	"testing"

	"countersign/internal/postgres"
)

func TestNoPrivateServerHere(t *testing.T) {
	t.Parallel()
	if _, err := postgres.Open(t.Context(), postgres.Options{DataDir: t.TempDir()}); !errors.Is(err, postgres.ErrUnsupported) {
		t.Errorf("got %v", err)
	}
}
