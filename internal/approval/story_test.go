package approval_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/approval"
	"countersign/internal/document"
	"countersign/internal/people"
	"countersign/internal/route"
)

// TestStories tells every story of testdata; testdata/README.md explains the language.
func TestStories(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("stories: %v, %v", files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			(&story{people: map[string]people.Person{}, cards: map[string]approval.Ballot{}, now: time.Unix(1.7e9, 0)}).tell(t, string(text))
		})
	}
}

type story struct {
	people map[string]people.Person
	route  route.Route
	docs   []document.Document // the revision n is docs[n-1]
	c      approval.Case
	events []approval.Event
	cards  map[string]approval.Ballot // what the buttons of a person say: "ann", and "ann 1" as of revision 1
	now    time.Time

	delegations []people.Delegation
}

func (s *story) tell(t *testing.T, text string) {
	t.Helper()
	text = regexp.MustCompile(`(?m)(^|\s)#.*$`).ReplaceAllString(text, "")
	text = regexp.MustCompile(`\n[ \t]+`).ReplaceAllString(text, " ")
	told := 0
	for line := range strings.Lines(text) {
		act, want, tells := strings.Cut(line, "=>")
		if l := scan(act); len(l.words) > 0 {
			got := s.line(t, l)
			if want = strings.Join(strings.Fields(want), " "); tells && got != want {
				t.Errorf("%s\n\tgot  %s\n\twant %s", strings.TrimSpace(act), got, want)
			} else if !tells && got != "" {
				t.Errorf("%s\n\tsays %s, and the story expects nothing", strings.TrimSpace(act), got)
			}
			told++
		}
	}
	if again := approval.Replay(s.events); told < 3 || !reflect.DeepEqual(again, s.c) {
		t.Errorf("replayed after %d lines:\n%s", told, cmp.Diff(s.c, again))
	}
}

// line does one line of the story, and gives its outcome, or nothing when the line
// only says how the world is.
func (s *story) line(t *testing.T, l line) string {
	t.Helper()
	switch l.words[0] {
	case "person", "route", "rule", "step", "step_up", "delegate", "revoke", "wait":
		s.describe(t, l)
		return ""
	case "show":
		return s.show(l.words[1])
	}
	s.now = s.now.Add(time.Minute)
	before := s.c
	before.Slots, before.Questions = slices.Clone(s.c.Slots), slices.Clone(s.c.Questions)
	events, class, err := s.act(t, l)
	if err != nil {
		if !reflect.DeepEqual(before, s.c) || len(events) > 0 {
			t.Errorf("%s was refused and changed the case:\n%s", l.words, cmp.Diff(before, s.c))
		}
		if voted, ok := errors.AsType[*approval.AlreadyVotedError](err); ok {
			return fmt.Sprintf("refused: %s already voted %s, the same %t", voted.Person, voted.Vote.Verdict, voted.Same)
		}
		return "refused: " + err.Error()
	}
	s.events = append(s.events, events...)
	for _, sl := range s.c.Slots {
		if sl.State == approval.SlotOpen {
			card := approval.Ballot{Person: sl.Person, Round: sl.Round, Step: sl.Step, No: sl.No, Revision: s.c.Revision}
			s.cards[string(sl.Person)], s.cards[fmt.Sprintf("%s %d", sl.Person, s.c.Revision)] = card, card
		}
	}
	return class + outcome(&s.c, events)
}

func (s *story) act(t *testing.T, l line) ([]approval.Event, string, error) {
	t.Helper()
	dir := people.NewDirectory(slices.Collect(maps.Values(s.people))).With(s.delegations, nil)
	switch verb := l.words[0]; verb {
	case "post", "revise":
		return s.submit(t, l, dir)
	case "accept", "reject", "return":
		events, err := s.c.Vote(s.ballot(l), s.docs[len(s.docs)-1], dir, s.now)
		return events, "", err
	case "ask":
		b := s.ballot(l)
		events, err := s.c.Ask(approval.Asking{
			ID: fmt.Sprintf("q%d", len(s.c.Questions)+1), Person: b.Person, Round: b.Round, Step: b.Step, No: b.No, Text: l.quote,
		}, s.docs[len(s.docs)-1], dir, s.now)
		return events, "", err
	case "answer":
		r := approval.Reply{Question: l.words[2], ID: "a" + l.words[2], Person: people.ID(l.words[1]), Text: l.quote}
		if l.words[1] == "erp" {
			r.Person, r.Author = "", "eve"
		}
		events, err := s.c.Answer(r, s.now)
		return events, "", err
	case "withdraw":
		events, err := s.c.Withdraw(l.quote, s.now)
		return events, "", err
	case "expire":
		events, err := s.c.Expire(l.quote, s.now)
		return events, "", err
	case "consume":
		no, _ := strconv.Atoi(l.words[1])
		events, err := s.c.Consume(s.docs[no-1].Hash(), l.words[2], s.now)
		return events, "", err
	case "recheck":
		return s.c.Recheck(s.docs[len(s.docs)-1], dir, s.now), "", nil
	case "file":
		return s.c.StoreFile(l.words[1], s.docs[len(s.docs)-1], dir, s.now), "", nil
	default:
		t.Fatalf("no such act: %s", verb)
		return nil, "", nil
	}
}
