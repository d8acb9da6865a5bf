package videodesk

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/deed"
	"countersign/internal/document"
	"countersign/internal/ident"
	"countersign/internal/notice"
	"countersign/internal/people"
)

// Source is under which the ledger keeps the documents of the desk.
const Source = "trueconf"

// Request is a stop that waits for an approval.
type Request struct {
	ID        string
	At        time.Time
	Person    people.ID
	Type      string // of the document
	Act       Act    // what is to be done: all of it but its id, its time and its end
	Began     *time.Time
	Due       bool   // it is a while ago that the session was seen to run
	Requester string // external id of the person
}

// settlement is how a request ended.
type settlement string

// The ends of a request.
const (
	approved settlement = "approved"
	declined settlement = "refused"
	outlived settlement = "over"    // by the session
	unasked  settlement = "unasked" // the ledger would not take it
	orphaned settlement = "orphaned"
)

// kept is how the table has it: a server that left the settings runs nothing that could be
// stopped from here.
func (s settlement) kept() settlement {
	if s == orphaned {
		return outlived
	}
	return s
}

// Key names the document of a request.
func (r Request) Key() document.Key { return document.Key{Source: Source, ExternalID: r.ID} }

// deed is a request as it is kept for good: under the same number.
func (r Request) deed(how settlement) deed.Deed {
	d := r.Act.deed()
	d.ID, d.At, d.What, d.About, d.Outcome = "vdd"+strings.TrimPrefix(r.ID, "vrq"), r.At, deed.Ask, r.ID, string(how)
	return d
}

// document is what is decided on. It follows from the request alone, so that it is the same
// whenever it is posted.
func (r Request) document() document.Document {
	a := r.Act
	d := document.Document{
		Type: r.Type, Number: numberOf(a.Session), Title: a.Topic, Requester: r.Requester,
		Fields: map[string]string{"server": line(a.Server, mostTopic), "session": a.Session, "conference": a.Conference},
	}
	if a.Owner != "" {
		d.Fields["owner"] = a.Owner
	}
	if a.People >= 0 {
		d.Fields["people"] = fmt.Sprint(a.People)
	}
	if a.Recording != nil && *a.Recording {
		d.Fields["recording"] = "⏺"
	}
	if r.Began != nil {
		d.Fields["began"] = r.Began.UTC().Format("2006-01-02 15:04 UTC")
	}
	return d
}

// numberOf is the part of a session's id that tells it from others of the server.
func numberOf(session string) string {
	for i, c := range session {
		if c == '@' || c == '#' {
			return session[:i]
		}
	}
	return session
}

const requestColumns = `r.id, r.at, r.person_id, r.type, r.server, r.conference, r.session, r.topic, r.owner, r.people, r.recording, r.began_at,
	r.looked_at < statement_timestamp() - interval '1 minute', p.external_id`

func scanRequest(row pgx.CollectableRow) (r Request, err error) {
	a := &r.Act
	err = row.Scan(&r.ID, &r.At, &r.Person, &r.Type, &a.Server, &a.Conference, &a.Session, &a.Topic, &a.Owner, &a.People, &a.Recording, &r.Began, &r.Due, &r.Requester)
	a.Person, a.What = r.Person, "stop"
	return r, err
}

// ask keeps a request. False: there is one for the session already, which r then is.
func (s *Store) ask(ctx context.Context, r *Request) (bool, error) {
	id, err := ident.New("vrq")
	if err != nil {
		return false, err
	}
	a := r.Act
	err = pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `insert into video_request (id, at, person_id, type, server, conference, session, topic, owner, people, recording, began_at, looked_at)
			values ($1, statement_timestamp(), $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, statement_timestamp())
			on conflict (server, session) where outcome is null do nothing returning id, at`,
			id, r.Person, r.Type, a.Server, a.Conference, a.Session, a.Topic, a.Owner, a.People, a.Recording, r.Began).Scan(&r.ID, &r.At)
		if err != nil {
			return err
		}
		return deed.Note(ctx, tx, r.deed(""))
	})
	if err == nil {
		return true, nil
	}
	if !errors.Is(err, pgx.ErrNoRows) {
		return false, fmt.Errorf("request for %s: %w", a.Session, err)
	}
	other, found, err := s.asked(ctx, a.Server, a.Session)
	if err == nil && !found { // it ended in this moment
		err = errors.New("tap again")
	}
	if err != nil {
		return false, fmt.Errorf("request for %s: %w", a.Session, err)
	}
	*r = other
	return false, nil
}

// asked is the request that waits for a session.
func (s *Store) asked(ctx context.Context, server, session string) (Request, bool, error) {
	all, err := s.requests(ctx, `r.outcome is null and r.server = $1 and r.session = $2`, server, session)
	if err != nil || len(all) == 0 {
		return Request{}, false, err
	}
	return all[0], true, nil
}

// waiting are the requests that nobody has decided on yet: at most one for each session, and all of
// them, so that none waits behind those of a server that is away.
func (s *Store) waiting(ctx context.Context) ([]Request, error) {
	return s.requests(ctx, `r.outcome is null order by r.at`)
}

func (s *Store) requests(ctx context.Context, which string, args ...any) ([]Request, error) {
	rows, err := s.Pool.Query(ctx, `select `+requestColumns+` from video_request r join person p on p.id = r.person_id where `+which, args...)
	if err != nil {
		return nil, fmt.Errorf("requests: %w", err)
	}
	out, err := pgx.CollectRows(rows, scanRequest)
	if err != nil {
		return nil, fmt.Errorf("requests: %w", err)
	}
	return out, nil
}

// looked notes that the session was seen to run.
func (s *Store) looked(ctx context.Context, r Request) error {
	_, err := s.Pool.Exec(ctx, `update video_request set looked_at = statement_timestamp() where id = $1 and outcome is null`, r.ID)
	if err != nil {
		return fmt.Errorf("request %s: %w", r.ID, err)
	}
	return nil
}

// close writes down how a request ended; with the act when it was approved. False: that was
// known before.
func (s *Store) close(ctx context.Context, tx pgx.Tx, r Request, how settlement, act string) (bool, error) {
	tag, err := tx.Exec(ctx, `update video_request set outcome = $2, act_id = nullif($3, ''), ended_at = greatest(at, statement_timestamp())
		where id = $1 and outcome is null`, r.ID, how.kept(), act)
	if err != nil {
		return false, fmt.Errorf("request %s: %w", r.ID, err)
	}
	if tag.RowsAffected() == 0 {
		return false, nil
	}
	return true, deed.Note(ctx, tx, r.deed(how))
}

// drop closes a request of which nothing is done; tell is part of it, unless it was closed
// before.
func (s *Store) drop(ctx context.Context, r Request, how settlement, tell func(tx notice.Execer) error) error {
	return pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		fresh, err := s.close(ctx, tx, r, how, "")
		if err != nil || !fresh {
			return err
		}
		return tell(tx)
	})
}

// errTaken undoes what another replica has done.
var errTaken = errors.New("done by another")

// take turns an approved request into the act that it is for. Over: somebody else does it
// already, for no request; neither: another replica does it, for this one.
func (s *Store) take(ctx context.Context, r Request, a *Act) (mine, over bool, err error) {
	a.Request = r.ID
	err = pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		begun, err := s.begin(ctx, tx, a)
		if err != nil {
			return err
		}
		if !begun {
			over = true
			return nil
		}
		if mine, err = s.close(ctx, tx, r, approved, a.ID); err == nil && !mine {
			return errTaken
		}
		return err
	})
	if errors.Is(err, errTaken) {
		err = nil
	}
	return mine, over, err
}
