package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"countersign/internal/deed"
	"countersign/internal/directory"
	"countersign/internal/journal"
	"countersign/internal/people"
)

// deedAsk is what somebody wants to see of what was done to conferences and meetings.
type deedAsk struct {
	since, until, person string

	query deed.Query
}

func journalVideoCommand(p process) *cobra.Command {
	var a deedAsk
	var inJSON bool
	c := &cobra.Command{
		Use: "video", Short: "Who did what to video conferences and meetings, the newest first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if a.query.Limit < 1 || a.query.Limit > journal.MostFound {
				return fmt.Errorf("%w: --limit is from 1 to %d", errUsage, journal.MostFound)
			}
			return p.onRecords(cmd, func(r *records) error {
				dir, err := r.directory.Snapshot(cmd.Context())
				if err != nil {
					return err
				}
				found, next, err := a.find(cmd.Context(), r)
				if err != nil {
					return err
				}
				if inJSON {
					return deedsJSON(p.Out, dir, found, next)
				}
				return deedTable(p.Out, dir, found, next)
			})
		},
	}
	f := c.Flags()
	f.StringVar(&a.since, "since", "", "how long ago (2h, 3d), a date or a moment; empty: everything")
	f.StringVar(&a.until, "until", "", "the same")
	f.StringVar(&a.query.Server, "server", "", "name of a video server")
	f.StringVar(&a.person, "person", "", "external id of a person")
	f.StringVar(&a.query.About, "about", "", "a session, a room, a meeting, a case, a source or the id of a key")
	f.StringVar(&a.query.After, "after", "", "go on where the last page ended")
	f.IntVar(&a.query.Limit, "limit", 100, "at most so many")
	f.BoolVar(&inJSON, "json", false, "one in JSON a line; the last line may be {\"next\":…}")
	return c
}

func (a deedAsk) find(ctx context.Context, r *records) ([]deed.Deed, string, error) {
	q, now := a.query, time.Now()
	var err, also error
	q.Since, err = journal.Moment("since", a.since, now)
	q.Until, also = journal.Moment("until", a.until, now)
	if err = errors.Join(err, also); err != nil {
		return nil, "", fmt.Errorf("%w: %w", errUsage, err)
	}
	if a.person != "" {
		who, err := r.directory.User(ctx, a.person)
		if errors.Is(err, directory.ErrUnknown) {
			return nil, "", fmt.Errorf("--person %q: %w", a.person, err)
		}
		if err != nil {
			return nil, "", err
		}
		q.Person = who.ID
	}
	found, next, err := (&deed.Store{Pool: r.pool}).Find(ctx, q)
	if errors.Is(err, deed.ErrCursor) {
		return nil, "", fmt.Errorf("%w: --after %q: %w", errUsage, q.After, err)
	}
	return found, next, err
}

// byWhom names who did something.
func byWhom(dir people.Directory, d deed.Deed) string {
	p, _ := dir.Person(d.By.Person)
	return d.By.Name(p.ExternalID)
}

func deedTable(out io.Writer, dir people.Directory, found []deed.Deed, next string) error {
	err := table(out, "AT\tBY\tWHAT\tSERVER\tTOPIC\tABOUT\tOUTCOME\tSAID", func(w io.Writer) {
		for _, d := range found {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", d.At.Format("2006-01-02T15:04:05.000Z"), quoted(byWhom(dir, d)), d.What, quoted(d.Server),
				dash(quoted(d.Topic)), dash(quoted(strings.Join(d.Names(), ", "))), dash(d.Outcome), dash(quoted(d.Fault)))
		}
	})
	if err == nil && next != "" {
		_, err = fmt.Fprintln(out, "more: --after "+next)
	}
	return err
}

// deedLine is a deed for programs.
type deedLine struct {
	ID         string     `json:"id"`
	At         time.Time  `json:"at"`
	By         string     `json:"by"`
	Person     string     `json:"person,omitempty"`
	Source     string     `json:"source,omitempty"`
	Key        string     `json:"key_id,omitempty"`
	What       string     `json:"what"`
	Server     string     `json:"server"`
	Conference string     `json:"conference,omitempty"`
	Session    string     `json:"session,omitempty"`
	Meeting    string     `json:"meeting,omitempty"`
	Link       string     `json:"link,omitempty"`
	About      string     `json:"about,omitempty"`
	Topic      string     `json:"topic,omitempty"`
	Owner      string     `json:"owner,omitempty"`
	People     *int       `json:"people,omitempty"`
	Recording  *bool      `json:"recording,omitempty"`
	Outcome    string     `json:"outcome,omitempty"`
	Fault      string     `json:"fault,omitempty"`
	Ended      *time.Time `json:"ended_at,omitempty"`
}

func deedsJSON(out io.Writer, dir people.Directory, found []deed.Deed, next string) error {
	to := json.NewEncoder(out)
	for _, d := range found {
		p, _ := dir.Person(d.By.Person)
		l := deedLine{
			ID: d.ID, At: d.At, By: byWhom(dir, d), Person: p.ExternalID, Source: d.By.Source, Key: d.By.Key, What: d.What, Server: d.Server, Conference: d.Conference,
			Session: d.Session, Meeting: d.Meeting, Link: d.Link, About: d.About, Topic: d.Topic, Owner: d.Owner, Recording: d.Recording, Outcome: d.Outcome, Fault: d.Fault,
		}
		if d.People >= 0 {
			l.People = &d.People
		}
		if !d.Ended.IsZero() {
			l.Ended = &d.Ended
		}
		if err := to.Encode(l); err != nil {
			return err
		}
	}
	if next == "" {
		return nil
	}
	return to.Encode(map[string]string{"next": next})
}
