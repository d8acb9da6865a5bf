// Package crash names the moments at which a process may die, so that tests can make
// it die exactly there.
//
// It owns the names. Each is passed by the code that owns the moment; a nil Points,
// as in production, does nothing.
package crash

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
)

// Point is a moment between two effects.
type Point string

// The moments, by flow. A test fails when one has no scenario.
const (
	InboxRead     Point = "inbox.read"     // an update was read and is not stored
	InboxStored   Point = "inbox.stored"   // it is stored and not answered
	InboxAnswered Point = "inbox.answered" // it is answered and nobody works on it
	InboxClaimed  Point = "inbox.claimed"  // somebody works on it, nothing is decided
	TapWritten    Point = "tap.written"    // the vote is written and not committed
	TapCommitted  Point = "tap.committed"  // it is committed and the person is not told
	SubmitWritten Point = "submit.written" // a document is written and not committed
	SubmitDone    Point = "submit.done"    // it is committed and the ERP is not answered
	CardClaimed   Point = "card.claimed"   // a case is leased, nothing was sent
	CardSent      Point = "card.sent"      // the messenger took a message, nothing is noted
	CardNoted     Point = "card.noted"     // one message is noted, the case is not done
	HookSequenced Point = "hook.sequenced" // events have their place, nobody sends
	HookClaimed   Point = "hook.claimed"   // a delivery is leased, nothing was sent
	HookSent      Point = "hook.sent"      // the receiver took it, nothing is noted

	JournalGathered Point = "journal.gathered" // entries are together, none is written
	JournalWritten  Point = "journal.written"  // they are, and nobody here knows
)

// All lists every point.
func All() []Point {
	return []Point{
		InboxRead, InboxStored, InboxAnswered, InboxClaimed, TapWritten, TapCommitted, SubmitWritten, SubmitDone,
		CardClaimed, CardSent, CardNoted, HookSequenced, HookClaimed, HookSent, JournalGathered, JournalWritten,
	}
}

// Points are armed points.
type Points struct {
	at    Point
	after atomic.Int64
}

// Parse reads "point:n": die when the point is passed for the n-th time. An empty
// text arms nothing and gives nil.
func Parse(text string) (*Points, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // nothing armed is the usual case
	}
	name, count, _ := strings.Cut(text, ":")
	n, err := strconv.ParseInt(count, 10, 64)
	if !slices.Contains(All(), Point(name)) || err != nil || n < 1 {
		return nil, fmt.Errorf("crash point %q: use POINT:COUNT with one of %v", text, All())
	}
	p := &Points{at: Point(name)}
	p.after.Store(n)
	return p, nil
}

// Pass is called at a point; when it is the armed one, for the last time.
func (p *Points) Pass(at Point) {
	if p == nil || p.at != at || p.after.Add(-1) != 0 {
		return
	}
	if self, err := os.FindProcess(os.Getpid()); err == nil {
		_ = self.Kill()
	}
	select {} // the signal is on its way: nothing more may happen here
}
