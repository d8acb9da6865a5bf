package audiodesk

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"

	"countersign/internal/people"
)

// participant is somebody in a room.
type participant struct {
	Whom   string // the call that brought him, or a mark made of his channel
	once   string // the mark by the key before the one of now; empty: there is none
	Call   string // empty: he came by himself
	Person people.ID
	No     int
	Muted  bool
}

// is reports whether he is the one who is known so.
func (p participant) is(whom string) bool { return p.Whom == whom || p.once != "" && p.once == whom }

// present are those who are in a room, in the order of coming.
func (s *Store) present(ctx context.Context, room string) ([]participant, error) {
	rows, err := s.Pool.Query(ctx, `select p.whom, coalesce(p.call_id, ''), coalesce(c.person_id, ''), p.no, p.muted
		from audio_presence p left join audio_call c on c.id = p.call_id where p.room_id = $1 and p.gone_at is null order by p.no`, room)
	if err != nil {
		return nil, fail("who is in an audio room", err)
	}
	out, err := pgx.CollectRows(rows, scanParticipant)
	return out, fail("who is in an audio room", err)
}

func scanParticipant(row pgx.CollectableRow) (p participant, err error) {
	return p, row.Scan(&p.Whom, &p.Call, &p.Person, &p.No, &p.Muted)
}

// sight is what somebody saw who looked at the exchange.
type sight struct {
	Locked bool
	In     []participant // with Whom, Call and Muted
}

// look lets somebody look at a room, and writes down what he saw. Nobody waits for him: where
// somebody else wrote down what he saw meanwhile, nobody knows which of the two is newer, and he
// looks again. So what is written last was seen last, whichever replica heard of what.
func (s *Store) look(ctx context.Context, room string, see func(ctx context.Context) (sight, error)) error {
	for {
		var looked int64
		err := s.Pool.QueryRow(ctx, `select looked from audio_room where id = $1`, room).Scan(&looked)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return fail("who is in an audio room", err)
		}
		now, err := see(ctx)
		if err != nil {
			return fail("who is in an audio room", err)
		}
		if last, err := s.seen(ctx, room, looked, now); last || err != nil {
			return fail("who is in an audio room", err)
		}
	}
}

// seen writes down what was seen, if nobody did so since looked was read; false: somebody did.
func (s *Store) seen(ctx context.Context, room string, looked int64, now sight) (last bool, err error) {
	err = pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		var locked bool
		err := tx.QueryRow(ctx, `update audio_room set looked = looked + 1 where id = $1 and looked = $2 returning locked`, room, looked).Scan(&locked)
		if last = err == nil; errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `select whom, coalesce(call_id, ''), '', no, muted from audio_presence where room_id = $1 and gone_at is null`, room)
		if err != nil {
			return err
		}
		was, err := pgx.CollectRows(rows, scanParticipant)
		if err != nil {
			return err
		}
		b := differences(room, was, now.In)
		if b.Len() == 0 && locked == now.Locked {
			return nil
		}
		b.Queue(`update audio_room set locked = $2, version = version + 1 where id = $1`, room, now.Locked)
		return tx.SendBatch(ctx, b).Close()
	})
	return last, err
}

// differences write down who came, who went, and who is not heard. Whoever came gets the
// lowest number above those of all who are there: so nobody's changes.
func differences(room string, was, now []participant) *pgx.Batch {
	b := &pgx.Batch{}
	last := 0
	for _, p := range was {
		if !slices.ContainsFunc(now, func(n participant) bool { return n.is(p.Whom) }) {
			b.Queue(`update audio_presence set gone_at = statement_timestamp() where room_id = $1 and whom = $2 and gone_at is null`, room, p.Whom)
			continue
		}
		last = max(last, p.No)
	}
	now = slices.Clone(now)
	slices.SortStableFunc(now, func(a, b participant) int { return cmp.Compare(a.Call, b.Call) }) // those of ours in the order of their calls
	for _, p := range now {
		i := slices.IndexFunc(was, func(w participant) bool { return p.is(w.Whom) })
		switch {
		case i < 0:
			last++
			b.Queue(`insert into audio_presence (whom, room_id, call_id, no, muted, came_at)
				values ($1, $2, (select id from audio_call where id = $3), $4, $5, statement_timestamp()) on conflict do nothing`, p.Whom, room, p.Call, last, p.Muted)
		case was[i].Muted != p.Muted:
			b.Queue(`update audio_presence set muted = $3 where room_id = $1 and whom = $2 and gone_at is null`, room, was[i].Whom, p.Muted)
		}
	}
	return b
}
