package roster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"countersign/internal/directory"
	"countersign/internal/google"
	"countersign/internal/people"
)

// Actor is the sync's name in the directory's journal.
const Actor = "workspace"

// Sync brings our directory to what the company's says. It is used as a literal; one at a
// time may apply.
type Sync struct {
	Config

	// Roll reads the company: [google.Workspace.Read].
	Roll func(ctx context.Context) (google.Roll, error)
	// Directory is ours.
	Directory *directory.Store
	// Issuer is the login service whose subjects are the ids of accounts; Google's when empty.
	Issuer string
	// Brought lists the external ids that the sync wrote before. Without it only those who
	// once signed in are known to have had an account.
	Brought func(ctx context.Context) ([]string, error)
	// Sole names the routes in which nobody but the person holds a role that is asked.
	Sole func(ctx context.Context, person people.ID) ([]string, error)
	// Named lists where in the routes somebody who may leave is still named: the ledger's
	// MayLeave. It may be nil.
	Named func(ctx context.Context, externalID string) ([]string, error)
	// Changed is told after people changed: the ledger's PeopleChanged.
	Changed func(ctx context.Context, externalIDs ...string) (int, error)
	// Alarm tells the administrators.
	Alarm func(ctx context.Context, text string)
}

// Plan says what Apply would do, and changes nothing. With a [TooManyError] the plan is
// given too. Who is held back may be fewer when it is carried out: newcomers may succeed,
// or more: two may be each other's successor.
func (s *Sync) Plan(ctx context.Context) (Plan, error) {
	plan, err := s.plan(ctx)
	if err != nil && !isTooMany(err) {
		return Plan{}, fmt.Errorf("workspace sync: %w", err)
	}
	return plan, err
}

func (s *Sync) plan(ctx context.Context) (Plan, error) {
	roll, err := s.Roll(ctx)
	if err != nil {
		return Plan{}, err
	}
	known, err := s.known(ctx)
	if err != nil {
		return Plan{}, err
	}
	plan, err := s.compare(roll, known)
	if err != nil {
		return Plan{}, err
	}
	if err := s.dryRun(ctx, &plan); err != nil {
		return Plan{}, err
	}
	leavers := plan.Deactivate
	plan.Deactivate = nil
	for _, l := range leavers {
		if err := s.look(ctx, &l); err != nil {
			return Plan{}, err
		}
		if len(l.Routes) > 0 {
			plan.Held = append(plan.Held, l)
			continue
		}
		plan.Deactivate = append(plan.Deactivate, l)
	}
	return plan, s.refuse(plan)
}

// look finds what a leaver means to the routes.
func (s *Sync) look(ctx context.Context, l *Person) (err error) {
	if l.Routes, err = s.Sole(ctx, l.ID); err != nil || len(l.Routes) > 0 || s.Named == nil {
		return err
	}
	l.Named, err = s.Named(ctx, l.ExternalID)
	return err
}

func (s *Sync) known(ctx context.Context) (k Known, err error) {
	if s.Brought != nil {
		if k.Brought, err = s.Brought(ctx); err != nil {
			return Known{}, err
		}
	}
	identities, err := s.Directory.Identities(ctx)
	if err != nil {
		return Known{}, err
	}
	k.Subjects = map[people.ID][]string{}
	for id, list := range identities {
		for _, i := range list {
			if i.Issuer == cmp.Or(s.Issuer, google.Issuer) {
				k.Subjects[id] = append(k.Subjects[id], i.Subject)
			}
		}
	}
	k.Entries, err = s.Directory.Users(ctx)
	return k, err
}

// dryRun asks the directory what storing does. Whom it does not take, becomes a conflict:
// one odd address must not keep everybody else's suspension from being seen.
func (s *Sync) dryRun(ctx context.Context, plan *Plan) error {
	for {
		diff, err := s.Directory.Import(ctx, Actor, plan.Users, directory.DryRun)
		if err == nil {
			plan.Diff = diff
			return nil
		}
		refused, ok := errors.AsType[*directory.ProblemsError](err)
		if !ok {
			return err
		}
		before := len(plan.Users)
		for _, f := range refused.Problems {
			takeOut(plan, f)
		}
		if len(plan.Users) == before { // it speaks of nobody whom it was given
			return err
		}
	}
}

// takeOut makes a conflict of somebody whom the directory does not take.
func takeOut(p *Plan, f directory.Problem) {
	i := slices.IndexFunc(p.Users, func(u directory.User) bool { return u.ExternalID == f.ExternalID })
	if i < 0 {
		return // it was taken out for another fault
	}
	p.Conflicts = append(p.Conflicts, Conflict{p.Users[i].Email, f.String()})
	p.Users = slices.Delete(p.Users, i, i+1)
	p.Reactivate = slices.DeleteFunc(p.Reactivate, func(r Person) bool { return r.ExternalID == f.ExternalID })
}

// Apply makes a plan and carries it out. What it gives is what was done, also beside an
// error. A plan that is refused changes nothing and raises the alarm.
func (s *Sync) Apply(ctx context.Context) (Plan, error) {
	plan, err := s.plan(ctx)
	if err != nil {
		if isTooMany(err) || errors.Is(err, ErrEmpty) {
			s.Alarm(ctx, err.Error())
		}
		return Plan{}, fmt.Errorf("workspace sync: %w", err)
	}
	done, err := s.carryOut(ctx, plan)
	if changed := done.who(); len(changed) > 0 {
		_, told := s.Changed(ctx, changed...)
		err = errors.Join(err, told)
	}
	if len(done.Held) > 0 {
		s.Alarm(ctx, heldText(done.Held))
	}
	if err != nil {
		return done, fmt.Errorf("workspace sync: %w", err)
	}
	return done, nil
}

// carryOut stores people first, so that a newcomer may be a leaver's successor, and looks
// before each leaver whether he has become the last one. An error with one person does not
// keep the others.
func (s *Sync) carryOut(ctx context.Context, plan Plan) (Plan, error) {
	done := Plan{Users: plan.Users, Conflicts: plan.Conflicts, Strangers: plan.Strangers, Of: plan.Of}
	var err error
	if len(plan.Users) > 0 {
		if done.Diff, err = s.Directory.Import(ctx, Actor, plan.Users, directory.Apply); err != nil {
			return Plan{}, err
		}
	}
	var wrong []error
	for _, r := range plan.Reactivate {
		if err := s.Directory.Reactivate(ctx, Actor, r.ExternalID); err != nil {
			wrong = append(wrong, err)
			continue
		}
		done.Reactivate = append(done.Reactivate, r)
	}
	for _, l := range slices.Concat(plan.Deactivate, plan.Held) {
		if err := s.leave(ctx, l, &done); err != nil {
			wrong = append(wrong, err)
		}
	}
	return done, errors.Join(wrong...)
}

// leave deactivates somebody. The last one of a role stays, for without him a route could
// not be published or end, but he loses the Telegram account: the company took his rights,
// and nobody's payment may hang on that he does not use them.
func (s *Sync) leave(ctx context.Context, l Person, done *Plan) error {
	if err := s.look(ctx, &l); err != nil {
		return err
	}
	if len(l.Routes) == 0 {
		if err := s.Directory.Deactivate(ctx, Actor, l.ExternalID, l.Reason); err != nil {
			return err
		}
		done.Deactivate = append(done.Deactivate, l)
		return nil
	}
	if l.Linked {
		if err := s.Directory.Unlink(ctx, Actor, l.ID, l.Reason); err != nil {
			return err
		}
	}
	done.Held = append(done.Held, l)
	return nil
}

// who lists those whom a plan, carried out, changed.
func (p Plan) who() []string {
	var ids []string
	for _, c := range slices.Concat(p.Diff.Added, p.Diff.Changed) {
		ids = append(ids, c.ExternalID)
	}
	for _, l := range slices.Concat(p.Reactivate, p.Deactivate, p.Held) {
		if len(l.Routes) == 0 || l.Linked {
			ids = append(ids, l.ExternalID)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

func heldText(held []Person) string {
	lines := []string{fmt.Sprintf("%d people left the company and are the last who can approve; name successors:", len(held))}
	for _, h := range held {
		lines = append(lines, fmt.Sprintf("%s, %s: %s", h.title(), h.Reason, strings.Join(h.Routes, ", ")))
	}
	return strings.Join(lines, "\n")
}

func isTooMany(err error) bool {
	_, ok := errors.AsType[*TooManyError](err)
	return ok
}
