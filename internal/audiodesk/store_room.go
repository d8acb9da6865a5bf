package audiodesk

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"countersign/internal/ident"
	"countersign/internal/people"
)

// Kind says who may come into a room.
type Kind string

// The kinds.
const (
	Public  Kind = "public"  // everybody who is linked
	Private Kind = "private" // whoever knows its PIN
	OfCase  Kind = "case"    // those who take part in a case
	Outside Kind = "outside" // whom another system has called
)

// Room is one where people talk.
type Room struct {
	ID        string
	Number    string // its name at the exchange
	Kind      Kind
	Name      string
	Maker     people.ID // empty: another system
	Anonymous bool
	Closed    time.Time // zero: it is open
	Locked    bool
	Version   int64
}

const roomColumns = `r.id, r.number, r.kind, r.name, coalesce(r.maker, ''), r.anonymous, r.closed_at, r.locked, r.version`

func (r *Room) places() []any {
	return []any{&r.ID, &r.Number, &r.Kind, &r.Name, &r.Maker, &r.Anonymous, (*null)(&r.Closed), &r.Locked, &r.Version}
}

// standing is a room with what somebody may do there.
type standing struct {
	Room

	right right
	in    int // how many are in it
}

// newNumber gives a number that nobody can guess: 16 characters of 5 bits, and a digit, by
// which no extension with a meaning is taken for a room.
func newNumber() string {
	const letters, length = "ABCDEFGHJKMNPQRSTVWXYZ0123456789", 10
	bits := make([]byte, length)
	_, _ = rand.Read(bits) // never fails
	return "7" + base32.NewEncoding(letters).WithPadding(base32.NoPadding).EncodeToString(bits)
}

const standingSQL = `select ` + roomColumns + `, exists (select from audio_member m where m.room_id = r.id and m.person_id = $1 and m.let_in),
	(select count(*) from audio_presence p where p.room_id = r.id and p.gone_at is null) from audio_room r where `

func scanStanding(p people.Person) func(pgx.CollectableRow) (standing, error) {
	return func(row pgx.CollectableRow) (of standing, err error) {
		var letIn bool
		err = row.Scan(append(of.places(), &letIn, &of.in)...)
		of.right = rightIn(of.Room, p, letIn)
		return of, err
	}
}

func (s *Store) standings(ctx context.Context, p people.Person, which string, args ...any) ([]standing, error) {
	rows, err := s.Pool.Query(ctx, standingSQL+which, append([]any{p.ID}, args...)...)
	if err != nil {
		return nil, fail("audio rooms", err)
	}
	out, err := pgx.CollectRows(rows, scanStanding(p))
	return out, fail("audio rooms", err)
}

// standing finds a room as a person has to do with it.
func (s *Store) standing(ctx context.Context, id string, p people.Person) (standing, bool, error) {
	return first(s.standings(ctx, p, `r.id = $2`, id))
}

// numbered finds an open room by its number.
func (s *Store) numbered(ctx context.Context, number string, p people.Person) (standing, bool, error) {
	return first(s.standings(ctx, p, `r.number = $2 and r.closed_at is null`, number))
}

func first(all []standing, err error) (standing, bool, error) {
	if err != nil || len(all) == 0 {
		return standing{}, false, err
	}
	return all[0], true, nil
}

// open are the rooms that somebody is shown: his own first, where people are in them before
// the others.
func (s *Store) open(ctx context.Context, p people.Person) ([]standing, error) {
	return s.standings(ctx, p, `r.closed_at is null and (r.kind = 'public' or r.maker = $1
			or exists (select from audio_member m where m.room_id = r.id and m.person_id = $1 and m.let_in) or $2 and r.kind in ('private', 'outside'))
		order by r.kind = 'public', r.maker is distinct from $1, r.made_at desc, r.id limit 400`, p.Holds(people.Role{Name: Administrator}))
}

// byNumber finds an open room of the exchange's; false when it is none of ours.
func (s *Store) byNumber(ctx context.Context, number string) (Room, bool, error) {
	var r Room
	err := s.Pool.QueryRow(ctx, `select `+roomColumns+` from audio_room r where r.number = $1`, number).Scan(r.places()...)
	if errors.Is(err, pgx.ErrNoRows) {
		return Room{}, false, nil
	}
	return r, err == nil, fail("audio room", err)
}

// live are the rooms where somebody is, as far as is known, and those that are closed and
// should be empty.
func (s *Store) live(ctx context.Context) ([]Room, error) {
	rows, err := s.Pool.Query(ctx, `select `+roomColumns+` from audio_room r
		where r.locked or exists (select from audio_presence p where p.room_id = r.id and p.gone_at is null)`)
	if err != nil {
		return nil, fail("audio rooms", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (r Room, err error) { return r, row.Scan(r.places()...) })
	return out, fail("audio rooms", err)
}

// errMany: somebody has as many rooms as he may.
var errMany = errors.New("no more rooms")

// newRoom is one to be made.
type newRoom struct {
	Room
	About  string
	Source string
	pin    []byte // sealed
}

const insertRoom = `insert into audio_room (id, number, kind, about, source, name, maker, anonymous, pin, made_at)
	values ($1, $2, $3, nullif($4, ''), nullif($5, ''), $6, nullif($7, ''), $8, $9, statement_timestamp())`

func (r newRoom) row() []any {
	return []any{r.ID, r.Number, r.Kind, r.About, r.Source, r.Name, r.Maker, r.Anonymous, r.pin}
}

// make makes a room for whoever asked for one, and ends the question that it answers: all or
// nothing, so that words that are heard again make no second one.
func (s *Store) make(ctx context.Context, r newRoom, ends asking, most int) error {
	return fail("audio room", pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		if err := s.advance(ctx, tx, &ends); err != nil {
			return err
		}
		var n int
		err := tx.QueryRow(ctx, `select count(*) from audio_room where maker = $1 and kind = 'private' and closed_at is null`, r.Maker).Scan(&n)
		if err != nil {
			return err
		}
		if r.Kind == Private && n >= most {
			return errMany
		}
		_, err = tx.Exec(ctx, insertRoom, r.row()...)
		return err
	}))
}

// outside finds or makes the room of another system, by its name.
func (s *Store) outside(ctx context.Context, source, name string) (r Room, err error) {
	id, err := ident.New("arm")
	if err != nil {
		return Room{}, err
	}
	_, err = s.Pool.Exec(ctx, insertRoom+` on conflict (source, name) where closed_at is null do nothing`,
		newRoom{Room: Room{ID: id, Number: newNumber(), Kind: Outside, Name: name}, Source: source}.row()...)
	if err == nil {
		err = s.Pool.QueryRow(ctx, `select `+roomColumns+` from audio_room r where r.source = $1 and r.name = $2 and r.closed_at is null`, source, name).Scan(r.places()...)
	}
	return r, fail("audio room", err)
}

// bump says that something changed that is shown of a room.
const bump = `update audio_room set version = version + 1 where id = $1`

// close closes a room, and ends the calls into it that were not made yet. False: it was
// closed before.
func (s *Store) close(ctx context.Context, tx query, id string) (bool, error) {
	tag, err := tx.Exec(ctx, `update audio_room set closed_at = statement_timestamp(), version = version + 1 where id = $1 and closed_at is null`, id)
	if err != nil || tag.RowsAffected() == 0 {
		return false, fail("audio room", err)
	}
	_, err = tx.Exec(ctx, `update audio_call set state = 'ended', outcome = 'closed', ended_at = statement_timestamp(), sealed = null where room_id = $1 and state = 'asked'`, id)
	return true, fail("audio room", err)
}

// pin is the sealed hash of a room's PIN.
func (s *Store) pin(ctx context.Context, room string) (sealed []byte, err error) {
	err = s.Pool.QueryRow(ctx, `select pin from audio_room where id = $1 and closed_at is null`, room).Scan(&sealed)
	if errors.Is(err, pgx.ErrNoRows) {
		err = ErrClosed
	}
	return sealed, fail("audio room", err)
}

// maxTries locks: the try with this number, if it is wrong.
const maxTries = 5

// try counts a try at a PIN before it is looked at, so that tries at the same moment are no
// more than those that follow one another. The fifth locks, at first for 15 minutes, then for
// twice as long as before, up to a day. Locked is until when nobody looks at it.
func (s *Store) try(ctx context.Context, room string, p people.ID) (left int, locked time.Time, err error) {
	var tries int
	_, err = s.Pool.Exec(ctx, `insert into audio_member (room_id, person_id, let_in) values ($1, $2, false) on conflict do nothing`, room, p)
	if err == nil {
		err = s.Pool.QueryRow(ctx, `update audio_member set
				tries = case when locked_until is null then tries + 1 else 1 end,
				lockouts = lockouts + case when locked_until is null and tries + 1 = $3 then 1 else 0 end,
				locked_until = case when locked_until is null and tries + 1 = $3
					then statement_timestamp() + least(interval '1 day', interval '15 minutes' * power(2, least(lockouts, 10))) end
			where room_id = $1 and person_id = $2 and (locked_until is null or locked_until <= statement_timestamp())
			returning tries`, room, p, maxTries).Scan(&tries)
	}
	if errors.Is(err, pgx.ErrNoRows) {
		err = s.Pool.QueryRow(ctx, `select locked_until from audio_member where room_id = $1 and person_id = $2`, room, p).Scan((*null)(&locked))
	}
	return maxTries - tries, locked, fail("PIN of an audio room", err)
}

// letIn lets somebody into a room who knew its PIN, and ends the question that he answered.
func (s *Store) letIn(ctx context.Context, room string, p people.ID, ends asking) error {
	return fail("PIN of an audio room", pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `update audio_member set let_in = true, tries = 0, lockouts = 0, locked_until = null where room_id = $1 and person_id = $2`, room, p)
		if err == nil {
			err = s.advance(ctx, tx, &ends)
		}
		return err
	}))
}

// taken reports that somebody else made the same in this moment, or that this very act was
// done before.
func taken(err error, table string) bool {
	refused, ok := errors.AsType[*pgconn.PgError](err)
	return ok && refused.Code == "23505" && refused.TableName == table
}
