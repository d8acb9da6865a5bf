package notice

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/ident"
	"countersign/internal/ledger"
)

// Told is a notice and how far it has come.
type Told struct {
	ID        string
	Class     Class
	Body      Body
	Sequence  int64 // the sender's number of the latest change; 0: there was none
	CreatedAt time.Time
	ExpiresAt time.Time
	To        []Reached
}

// Arrival is how far a notice has come at one recipient.
type Arrival string

// The arrivals.
const (
	Waiting Arrival = "waiting"
	Sent    Arrival = "sent"
	Failure Arrival = "failed"
	TooLate Arrival = "expired"
	NoLink  Arrival = "unlinked"
)

// Reached is one recipient.
type Reached struct {
	Kind   string // person, chat or account
	ID     string // external, or the number of the account
	State  Arrival
	Why    Why       // of what is not, and will not be, sent
	SentAt time.Time // of the text; zero: not yet

	FilesSent, FilesWaiting int
	FilesLost               []Why
}

// Publish posts a notice of an ERP. Who gets it is settled at once. Also makes what must
// happen in the same commit, from how the notice stands then.
func (b *Board) Publish(ctx context.Context, n New, also func(Told) (ledger.Also, error)) error {
	n.Body = n.Body.clean()
	if fault := n.Fault(); fault != "" {
		return fmt.Errorf("notice: %s: %w", fault, ErrInvalid)
	}
	to, err := b.recipients(ctx, n.To)
	if err != nil {
		return err
	}
	if len(to) == 0 {
		return fmt.Errorf("notice: nobody is told: %w", ErrInvalid)
	}
	told := Told{Class: n.Class, Body: n.Body}
	if told.ID, err = ident.New("ntc"); err != nil {
		return err
	}
	for _, r := range to {
		told.To = append(told.To, r.reached(len(n.Body.Files)))
	}
	err = commit(ctx, b.Store.Pool, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `insert into notice (id, source, class, body, audience, created_at, expires_at, spread_at)
			values ($1, $2, $3, $4, $5, now(), now() + $6::interval, now()) returning created_at, expires_at`,
			told.ID, n.Source, n.Class, n.Body, n.To, n.life()).Scan(&told.CreatedAt, &told.ExpiresAt)
		if err != nil {
			return err
		}
		ends, err := also(told)
		if err != nil {
			return err
		}
		batch := &pgx.Batch{}
		queue(batch, told.ID, to, len(n.Body.Files))
		ends(batch, nil)
		return tx.SendBatch(ctx, batch).Close()
	})
	if err != nil {
		return fmt.Errorf("notice: %w", err)
	}
	b.Store.Bell.Ring()
	return nil
}

func (r recipient) reached(files int) Reached {
	out := named(r.name)
	out.Why, out.State = r.why, arrival(r.why, false)
	for range files {
		out.file(r.why, false)
	}
	return out
}

func named(recipient string) Reached {
	kind, id, _ := strings.Cut(recipient, ":")
	return Reached{Kind: kind, ID: id}
}

func arrival(why Why, sent bool) Arrival {
	switch {
	case why == Expired:
		return TooLate
	case why == Unlinked:
		return NoLink
	case why != "":
		return Failure
	case sent:
		return Sent
	default:
		return Waiting
	}
}

func (r *Reached) file(why Why, sent bool) {
	switch {
	case why != "":
		r.FilesLost = append(r.FilesLost, why)
	case sent:
		r.FilesSent++
	default:
		r.FilesWaiting++
	}
}

// Told tells how far a notice of a source has come.
func (s *Store) Told(ctx context.Context, source, id string) (Told, error) {
	t := Told{ID: id}
	err := s.Pool.QueryRow(ctx, `select class, body, sequence, created_at, expires_at from notice where id = $1 and source = $2`, id, source).
		Scan(&t.Class, &t.Body, &t.Sequence, &t.CreatedAt, &t.ExpiresAt)
	if errors.Is(err, pgx.ErrNoRows) {
		return t, fmt.Errorf("notice %s: %w", id, ErrUnknown)
	}
	if err != nil {
		return t, fmt.Errorf("notice %s: %w", id, err)
	}
	rows, err := s.Pool.Query(ctx, `select m.recipient, m.part, m.sent_at, case when m.reason = '' and m.sent_at is null and n.expires_at <= now() then 'expired' else m.reason end
		from notice_message m join notice n on n.id = m.notice_id where n.id = $1 order by m.recipient, m.part`, id)
	if err != nil {
		return t, fmt.Errorf("notice %s: %w", id, err)
	}
	var name string
	var part int
	var at *time.Time
	var why Why
	_, err = pgx.ForEachRow(rows, []any{&name, &part, &at, &why}, func() error {
		if part > 0 {
			t.To[len(t.To)-1].file(why, at != nil)
			return nil
		}
		r := named(name)
		if r.Why, r.State = why, arrival(why, at != nil); at != nil {
			r.SentAt = at.UTC()
		}
		t.To = append(t.To, r)
		return nil
	})
	if err != nil {
		return t, fmt.Errorf("notice %s: %w", id, err)
	}
	return t, nil
}
