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
		if _, err := tx.Exec(ctx, insertRoom, r.row()...); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `update audio_ask set room_id = $2 where person_id = $1`, r.Maker, r.ID)
		return err
	}))
}

// outside finds or makes the room of another system, by its name.
func (*Store) outside(ctx context.Context, tx query, source, name string) (id string, err error) {
	if id, err = ident.New("arm"); err != nil {
		return "", err
	}
	_, err = tx.Exec(ctx, insertRoom+` on conflict (source, name) where closed_at is null do nothing`,
		newRoom{Room: Room{ID: id, Number: newNumber(), Kind: Outside, Name: name}, Source: source}.row()...)
	if err == nil {
		err = tx.QueryRow(ctx, `select id from audio_room where source = $1 and name = $2 and closed_at is null`, source, name).Scan(&id)
	}
	return id, fail("audio room", err)
}

// bump says that something changed that is shown of a room.
const bump = `update audio_room set version = version + 1 where id = $1`

// close closes a room, and ends the calls into it that were not made yet. False: it was
// closed before.
func (s *Store) close(ctx context.Context, tx query, id string) (bool, error) {
	tag, err := tx.Exec(ctx, `update audio_room set closed_at = statement_timestamp(), version = version + 1, pin = null where id = $1 and closed_at is null`, id)
	if err != nil || tag.RowsAffected() == 0 {
		return false, fail("audio room", err)
	}
	_, err = tx.Exec(ctx, `update audio_call set state = 'ended', outcome = 'closed', ended_at = statement_timestamp(), sealed = null where room_id = $1 and state = 'asked'`, id)
	return true, fail("audio room", err)
}

// taken reports that somebody else made the same in this moment, or that this very act was
// done before.
func taken(err error, table string) bool {
	refused, ok := errors.AsType[*pgconn.PgError](err)
	return ok && refused.Code == "23505" && refused.TableName == table
}
