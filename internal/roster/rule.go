package roster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"countersign/internal/directory"
	"countersign/internal/people"
	"countersign/internal/route"
)

// Rule says what is too much for one run, whoever makes it: the company's directory or a
// file.
type Rule struct {
	Limit  int           // percent that one run may take; 10 when zero
	Routes []route.Route // what must stay decidable
}

// TooManyError comes back when more people would leave, or lose a role, than may in one
// run: nothing is done.
type TooManyError struct {
	Role  string // that is lost; empty: people leave
	Would int    // leave or lose it
	Of    int    // active people known to the sync, or who hold it
	Limit int    // people who may
}

// Error says what to do.
func (e *TooManyError) Error() string {
	what := fmt.Sprintf("%d of %d people would be deactivated", e.Would, e.Of)
	if e.Role != "" {
		what = fmt.Sprintf("%d of %d people would lose the role %s", e.Would, e.Of, e.Role)
	}
	return fmt.Sprintf("%s, %d may at once: nothing was done; look at a dry run, and raise the limit for one run if it is right", what, e.Limit)
}

// NobodyError comes back when a step would be left that nobody, or too few, could decide:
// nothing is done.
type NobodyError struct{ Where []string }

// Error says what to do.
func (e *NobodyError) Error() string {
	return fmt.Sprintf("nobody, or too few, could decide any more in %s: nothing was done; give the role to a successor first", strings.Join(e.Where, "; "))
}

// Loss is a role that people lose who stay.
type Loss struct {
	Role string
	From []string // external ids
	Of   int      // who held it
}

// tooMany is the error when more than may would leave, or lose a role.
func (r Rule) tooMany(role string, would, of int) error {
	limit := r.Limit
	if limit == 0 {
		limit = ownLimit
	}
	if may := max(fewLeave, of*limit/whole); would > may {
		return &TooManyError{Role: role, Would: would, Of: of, Limit: may}
	}
	return nil
}

// losses are the roles that people lose who stay, in order.
func losses(before []directory.Entry, after people.Directory) []Loss {
	holders, lost := map[people.Role]int{}, map[people.Role][]string{}
	for _, e := range before {
		if !e.Active {
			continue
		}
		now, _ := after.Person(e.ID)
		for _, role := range e.Roles {
			holders[role]++
			if now.Active && !now.Holds(role) {
				lost[role] = append(lost[role], e.ExternalID)
			}
		}
	}
	var out []Loss
	for _, role := range tidy(slices.Collect(maps.Keys(lost))) {
		slices.Sort(lost[role])
		out = append(out, Loss{role.String(), lost[role], holders[role]})
	}
	return out
}

// loses lists the steps that nobody can decide any more.
func (r Rule) loses(before, after people.Directory) []string {
	var where []string
	for _, one := range r.Routes {
		where = append(where, one.Loses(before, after)...)
	}
	return where
}

// judge gives the roles that are lost, and says everything that is too much about them.
func (r Rule) judge(before, after []directory.Entry) ([]Loss, error) {
	now := staff(after)
	lost := losses(before, now)
	var wrong []error
	for _, l := range lost {
		wrong = append(wrong, r.tooMany(l.Role, len(l.From), l.Of))
	}
	if where := r.loses(staff(before), now); len(where) > 0 {
		wrong = append(wrong, &NobodyError{Where: where})
	}
	return lost, errors.Join(wrong...)
}

// staff is everybody but those named.
func staff(entries []directory.Entry, but ...Person) people.Directory {
	out := map[people.ID]bool{}
	for _, p := range but {
		out[p.ID] = true
	}
	var all []people.Person
	for i := range entries {
		if !out[entries[i].ID] {
			all = append(all, entries[i].Person)
		}
	}
	return people.NewDirectory(all)
}

// Import stores users that came in a file as [directory.Store.Import] does, unless too many
// would lose a role, or a step nobody could decide. With that error it gives, too, what
// would have been.
func (r Rule) Import(ctx context.Context, into *directory.Store, actor string, users []directory.User, mode directory.Mode) (directory.Diff, []Loss, error) {
	var (
		diff directory.Diff
		lost []Loss
	)
	err := into.Edit(ctx, actor, mode, func(e *directory.Edit) error {
		before, err := e.Users(ctx)
		if err != nil {
			return err
		}
		if diff, err = e.Import(ctx, users); err != nil {
			return err
		}
		after, err := e.Users(ctx)
		if err != nil {
			return err
		}
		lost, err = r.judge(before, after)
		return err
	})
	return diff, lost, err
}

// String is the loss as an operator reads it.
func (l Loss) String() string {
	const most = 10
	names := make([]string, 0, most)
	for _, id := range l.From[:min(most, len(l.From))] {
		names = append(names, shown(id))
	}
	more := ""
	if n := len(l.From) - most; n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	return fmt.Sprintf("%s is taken from %d of %d: %s%s", l.Role, len(l.From), l.Of, strings.Join(names, ", "), more)
}
