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
	Call   string // empty: he came by himself
	Person people.ID
	No     int
	Muted  bool
}

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

// look lets somebody look at a room, and writes down what he saw. Those who look at the same
// room do so one after another, each while nobody else writes: what is written last was seen
// last, whichever replica heard of what.
func (s *Store) look(ctx context.Context, room string, see func(ctx context.Context) (sight, error)) error {
	return fail("who is in an audio room", pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		var locked bool
		err := tx.QueryRow(ctx, `select locked from audio_room where id = $1 for no key update`, room).Scan(&locked)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		now, err := see(ctx)
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
	}))
}

// differences write down who came, who went, and who is not heard. Whoever came gets the
// lowest number above those of all who are there: so nobody's changes.
func differences(room string, was, now []participant) *pgx.Batch {
	b := &pgx.Batch{}
	by := func(whom string) func(participant) bool { return func(p participant) bool { return p.Whom == whom } }
	last := 0
	for _, p := range was {
		if !slices.ContainsFunc(now, by(p.Whom)) {
			b.Queue(`update audio_presence set gone_at = statement_timestamp() where room_id = $1 and whom = $2 and gone_at is null`, room, p.Whom)
			continue
		}
		last = max(last, p.No)
	}
	now = slices.Clone(now)
	slices.SortStableFunc(now, func(a, b participant) int { return cmp.Compare(a.Call, b.Call) }) // those of ours in the order of their calls
	for _, p := range now {
		i := slices.IndexFunc(was, by(p.Whom))
		switch {
		case i < 0:
			last++
			b.Queue(`insert into audio_presence (whom, room_id, call_id, no, muted, came_at)
				values ($1, $2, (select id from audio_call where id = $3), $4, $5, statement_timestamp()) on conflict do nothing`, p.Whom, room, p.Call, last, p.Muted)
		case was[i].Muted != p.Muted:
			b.Queue(`update audio_presence set muted = $3 where room_id = $1 and whom = $2 and gone_at is null`, room, p.Whom, p.Muted)
		}
	}
	return b
}
