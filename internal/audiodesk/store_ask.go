package audiodesk

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/people"
)

// question is what somebody was asked.
type question string

// The questions.
const (
	forName   question = "name"
	forNewPIN question = "new_pin"
	forPIN    question = "pin"
	forNumber question = "number"
	forNone   question = "done" // it was answered: kept for whoever hears the same words again
)

// asking is what was asked of somebody last.
type asking struct {
	Person    people.ID
	What      question
	Kind      Kind // of the room to be made
	Anonymous bool
	Name      string
	Room      string // that he wants to come into
	Message   int64  // the question; 0: it may not have been sent
	Aside     bool   // somebody else asked him something since
	Tap       string // by which it came to this: a tap, or words
	was       string // the one before, when it is changed
}

// ask puts a question in the place of the one before. Asked again by the same tap it stays as
// it is, and a has its message.
func (s *Store) ask(ctx context.Context, a *asking) error {
	err := s.Pool.QueryRow(ctx, `insert into audio_ask (person_id, what, kind, anonymous, name, room_id, tap, expires_at)
			values ($1, $2, $3, $4, $5, nullif($6, ''), $7, statement_timestamp() + $8::interval)
		on conflict (person_id) do update set what = excluded.what, kind = excluded.kind, anonymous = excluded.anonymous, name = excluded.name,
			room_id = excluded.room_id, message = case when audio_ask.tap = excluded.tap then audio_ask.message else 0 end,
			aside = audio_ask.aside and audio_ask.tap = excluded.tap, tap = excluded.tap, expires_at = excluded.expires_at
		returning message`, a.Person, a.What, a.Kind, a.Anonymous, a.Name, a.Room, a.Tap, askLife).Scan(&a.Message)
	return fail("question of the audio rooms", err)
}

// asked notes the message of a question.
func (s *Store) asked(ctx context.Context, a asking) error {
	_, err := s.Pool.Exec(ctx, `update audio_ask set message = $3 where person_id = $1 and tap = $2`, a.Person, a.Tap, a.Message)
	return fail("question of the audio rooms", err)
}

// aside lets a question step aside for one of somebody else's.
func (s *Store) aside(ctx context.Context, p people.ID) error {
	_, err := s.Pool.Exec(ctx, `update audio_ask set aside = true where person_id = $1`, p)
	return fail("question of the audio rooms", err)
}

// asking finds what was asked of somebody, until its time is up.
func (s *Store) asking(ctx context.Context, p people.ID) (a asking, there bool, err error) {
	err = s.Pool.QueryRow(ctx, `select person_id, what, kind, anonymous, name, coalesce(room_id, ''), message, tap, aside from audio_ask
		where person_id = $1 and expires_at > statement_timestamp()`, p).
		Scan(&a.Person, &a.What, &a.Kind, &a.Anonymous, &a.Name, &a.Room, &a.Message, &a.Tap, &a.Aside)
	if errors.Is(err, pgx.ErrNoRows) {
		return asking{}, false, nil
	}
	a.was = a.Tap
	return a, err == nil, fail("question of the audio rooms", err)
}

// errMoved: another question was asked meanwhile, or the same words were heard elsewhere.
var errMoved = errors.New("asked something else meanwhile")

// advance changes what is asked, unless something else was asked meanwhile.
func (s *Store) advance(ctx context.Context, tx query, a *asking) error {
	tag, err := tx.Exec(ctx, `update audio_ask set what = $3, name = $4, message = 0, tap = $5, aside = false, expires_at = statement_timestamp() + $6::interval
		where person_id = $1 and tap = $2`, a.Person, a.was, a.What, a.Name, a.Tap, askLife)
	if err == nil && tag.RowsAffected() == 0 {
		err = errMoved
	}
	a.was, a.Message = a.Tap, 0
	return err
}

// followed is a screen of a room that follows who is there.
type followed struct {
	Account, Message int64
	Person           people.ID
	Room             string
	Page             int
	Version          int64  // of the room, that it shows
	Shown            []byte // its digest
	lease            time.Time
}

// follow keeps a screen up to date from now on. It is being sent in this moment, so it is not
// drawn again at once.
func (s *Store) follow(ctx context.Context, f followed, still time.Duration) error {
	_, err := s.Pool.Exec(ctx, `insert into audio_screen (account, message, person_id, room_id, page, version, shown, next_at, expires_at)
			values ($1, $2, $3, $4, $5, $6, $7, statement_timestamp() + $8::interval, statement_timestamp() + $9::interval)
		on conflict (account, message) do update set person_id = excluded.person_id, room_id = excluded.room_id, page = excluded.page,
			version = excluded.version, shown = excluded.shown, next_at = excluded.next_at, expires_at = excluded.expires_at`,
		f.Account, f.Message, f.Person, f.Room, f.Page, f.Version, f.Shown, still, screenLife)
	return fail("screen of an audio room", err)
}

// sent notes that a screen was sent as follow said. If it was drawn meanwhile, or is being
// drawn, nobody knows which of the two the message shows: it is drawn again.
func (s *Store) sent(ctx context.Context, f followed, still time.Duration) error {
	_, err := s.Pool.Exec(ctx, `update audio_screen set version = case when shown = $3 then version else 0 end, shown = case when shown = $3 then shown end,
			next_at = statement_timestamp() + $4::interval
		where account = $1 and message = $2`, f.Account, f.Message, f.Shown, still)
	return fail("screen of an audio room", err)
}

// leave lets go of a screen.
func (s *Store) leave(ctx context.Context, account, message int64) error {
	_, err := s.Pool.Exec(ctx, `delete from audio_screen where account = $1 and message = $2`, account, message)
	return fail("screen of an audio room", err)
}

// due gives screens that show a room as it was before, to one replica at a time. Whoever
// drew them before it dies leaves them alone for so long.
func (s *Store) due(ctx context.Context, most int) ([]followed, error) {
	const lease = 30 * time.Second
	rows, err := s.Pool.Query(ctx, `update audio_screen u set next_at = statement_timestamp() + $1::interval
		where (account, message) in (
			select s.account, s.message from audio_screen s join audio_room r on r.id = s.room_id
			where s.version < r.version and s.next_at <= statement_timestamp() and s.expires_at > statement_timestamp()
			order by s.next_at limit $2 for update of s skip locked)
		returning account, message, person_id, room_id, page, version, shown, next_at`, lease, most)
	if err != nil {
		return nil, fail("screens of audio rooms", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (f followed, err error) {
		return f, row.Scan(&f.Account, &f.Message, &f.Person, &f.Room, &f.Page, &f.Version, &f.Shown, &f.lease)
	})
	return out, fail("screens of audio rooms", err)
}

// soon is how long it takes until a screen may be drawn that shows what is no more, but no
// longer than most.
func (s *Store) soon(ctx context.Context, most time.Duration) (next time.Duration, err error) {
	err = s.Pool.QueryRow(ctx, `select greatest($1, least($2, coalesce(min(s.next_at) - statement_timestamp(), $2)))
		from audio_screen s join audio_room r on r.id = s.room_id where s.version < r.version and s.expires_at > statement_timestamp()`, breath, most).Scan(&next)
	return next, fail("screens of audio rooms", err)
}

// drew notes what a screen shows, and when it may be drawn again. Where its person tapped
// meanwhile nobody knows which of the two it shows: it is drawn again.
func (s *Store) drew(ctx context.Context, f followed, pause time.Duration) error {
	_, err := s.Pool.Exec(ctx, `update audio_screen set
			version = case when next_at = $5 then $3 else 0 end, shown = case when next_at = $5 then $4::bytea end,
			next_at = statement_timestamp() + $6::interval
		where account = $1 and message = $2`, f.Account, f.Message, f.Version, f.Shown, f.lease, pause)
	return fail("screen of an audio room", err)
}
