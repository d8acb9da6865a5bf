package journal

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Query says which entries are looked for; what is empty or zero does not narrow.
type Query struct {
	Since, Until time.Time
	Chat         int64
	Accounts     []int64  // of a person, or his private chats; nil: any
	Cases        []string // of a document; nil: any
	Method       string   // of the Bot API, or the kind of an update
	Outcome      string
	Failed       bool
	Said         string // part of the text of the error, whatever the case
	Update       int64
	Request      string
	After        string // where the last page ended
	Limit        int
}

// MostFound is how many entries a page has at most.
const MostFound = 1000

// ErrCursor comes back for a place to go on from that was not given out.
var ErrCursor = fmt.Errorf("journal: no such page")

// conditions collects what an entry must be, with its arguments.
type conditions struct {
	texts []string
	args  []any
}

func (c *conditions) add(text string, arg any) {
	c.args = append(c.args, arg)
	c.texts = append(c.texts, strings.ReplaceAll(text, "$", "$"+strconv.Itoa(len(c.args))))
}

func (q Query) conditions() (*conditions, error) {
	c := &conditions{texts: []string{"true"}}
	for _, one := range []struct {
		given bool
		text  string
		arg   any
	}{
		{!q.Since.IsZero(), "at >= $", q.Since},
		{!q.Until.IsZero(), "at < $", q.Until},
		{q.Chat != 0, "chat <> 0 and chat = $", q.Chat},
		{q.Accounts != nil, "account <> 0 and account = any ($)", q.Accounts},
		{q.Cases != nil, "case_id <> '' and case_id = any ($)", q.Cases},
		{q.Method != "", "method = $", storable(q.Method, mostName)},
		{q.Outcome != "", "outcome = $", storable(q.Outcome, mostName)},
		{q.Update != 0, "update_id <> 0 and update_id = $", q.Update},
		{q.Request != "", "request_id <> '' and request_id = $", storable(q.Request, mostName)},
		{q.Said != "", "failed and strpos(lower(said), lower($)) > 0", storable(q.Said, mostSaid)},
	} {
		if one.given {
			c.add(one.text, one.arg)
		}
	}
	if q.Failed {
		c.texts = append(c.texts, "failed")
	}
	if q.After == "" {
		return c, nil
	}
	at, id, ok := cursor(q.After)
	if !ok {
		return nil, ErrCursor
	}
	c.args = append(c.args, at, id)
	c.texts = append(c.texts, fmt.Sprintf("(at, id) < ($%d, $%d)", len(c.args)-1, len(c.args)))
	return c, nil
}

// Find gives entries, the newest first, and where the next page begins; empty: there is none.
func (s *Store) Find(ctx context.Context, q Query) (found []Entry, next string, err error) {
	c, err := q.conditions()
	if err != nil {
		return nil, "", err
	}
	limit := min(max(q.Limit, 1), MostFound)
	sql := `select ` + columns + ` from journal_entry where ` + strings.Join(c.texts, " and ") + ` order by at desc, id desc limit ` + strconv.Itoa(limit+1)
	// A plan made for any arguments would not know which of them narrows most.
	rows, err := s.Pool.Query(ctx, sql, append([]any{pgx.QueryExecModeExec}, c.args...)...)
	if err != nil {
		return nil, "", fmt.Errorf("journal: %w", err)
	}
	found, err = pgx.CollectRows(rows, scan)
	if err != nil {
		return nil, "", fmt.Errorf("journal: %w", err)
	}
	if len(found) > limit {
		found = found[:limit]
		last := found[limit-1]
		next = strconv.FormatInt(last.At.UnixMicro(), 36) + "." + last.ID
	}
	return found, next, nil
}

func cursor(text string) (at time.Time, id string, ok bool) {
	when, id, ok := strings.Cut(text, ".")
	micros, err := strconv.ParseInt(when, 36, 64)
	return time.UnixMicro(micros), id, ok && err == nil && strings.HasPrefix(id, "jrn_") && len(id) == 30 && micros < 1<<53
}

func scan(from pgx.CollectableRow) (Entry, error) {
	var e Entry
	var took int64
	err := from.Scan(&e.ID, &e.At, &e.Way, &e.Method, &e.What, &e.Outcome, &e.Failed, &e.Code, &e.Said, &e.Chat, &e.Message, &e.Account, &e.Case, &e.Notice,
		&e.Update, &e.Request, &e.Bytes, &took, &e.Attempts, &e.Times, &e.Digest, &e.Text, &e.Params)
	e.At, e.Took = e.At.UTC(), time.Duration(took)*time.Microsecond
	return e, err
}
