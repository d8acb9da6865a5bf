package chat

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"

	"countersign/internal/ledger"
)

// failed is what is returned for an error of the store. What passes by itself is waited
// for; any other fault counts, so that the update is parked in the end.
func failed(err error) error {
	if passing(err) {
		return later(err)
	}
	return err
}

// passing reports whether the same act may succeed later with nothing mended: the
// database is away, or somebody else was in the way.
func passing(err error) bool {
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok {
		return errors.Is(err, ledger.ErrUnavailable) || errors.Is(err, ledger.ErrUnknown) || passingCode(refused)
	}
	for _, known := range []error{
		ledger.ErrUnknown, ledger.ErrUnavailable, context.Canceled, context.DeadlineExceeded, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	_, isNet := errors.AsType[net.Error](err)
	_, isConnect := errors.AsType[*pgconn.ConnectError](err)
	return isNet || isConnect || pgconn.Timeout(err) || pgconn.SafeToRetry(err)
}

func passingCode(refused *pgconn.PgError) bool {
	if refused.Code == "23505" {
		return refused.ConstraintName == "dialog_open" // two questions to one person at once
	}
	return len(refused.Code) == 5 && slices.Contains([]string{"08", "53", "57", "58"}, refused.Code[:2]) ||
		slices.Contains([]string{"40001", "40P01", "55P03"}, refused.Code)
}

// cameTooLate reports that a vote did not commit because its question had ended.
func cameTooLate(err error) bool {
	refused, ok := errors.AsType[*pgconn.PgError](err)
	return ok && refused.ConstraintName == "dialog_ends_once"
}
