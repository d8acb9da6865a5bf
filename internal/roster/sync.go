package roster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"countersign/internal/directory"
	"countersign/internal/google"
	"countersign/internal/people"
	"countersign/internal/route"
)

// Actor is the sync's name in the directory's journal.
const Actor = "workspace"

// Sync brings our directory to what the company's says. It is used as a literal. Whatever
// a plan rests on in our directory holds until the plan is carried out: it is read, planned
// and stored under one lock, all of it or nothing.
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
	// Routes are those that new cases take: the ledger's LiveRoutes.
	Routes func(ctx context.Context) ([]route.Route, error)
	// Changed is told after people changed: the ledger's PeopleChanged.
	Changed func(ctx context.Context, externalIDs ...string) (int, error)
	// Alarm tells the administrators.
	Alarm func(ctx context.Context, a Alarm)
}

// Plan says what Apply would do, and changes nothing. With a [TooManyError] or a
// [NobodyError] the plan is given too.
func (s *Sync) Plan(ctx context.Context) (Plan, error) {
	plan, err := s.run(ctx, directory.DryRun)
	if err != nil && !isRefused(err) {
		return Plan{}, fmt.Errorf("workspace sync: %w", err)
	}
	return plan, err
}

// reading is what a plan is made of, besides our directory.
type reading struct {
	roll    google.Roll
	brought []string
	rule    Rule
}

// run asks everybody outside first: others wait for the lock.
func (s *Sync) run(ctx context.Context, mode directory.Mode) (Plan, error) {
	r := reading{rule: Rule{Limit: s.Limit}}
	var err error
	if r.roll, err = s.Roll(ctx); err != nil {
		return Plan{}, err
	}
	if r.rule.Routes, err = s.Routes(ctx); err != nil {
		return Plan{}, err
	}
	if s.Brought != nil {
		if r.brought, err = s.Brought(ctx); err != nil {
			return Plan{}, err
		}
	}
	var plan Plan
	err = s.Directory.Edit(ctx, Actor, mode, func(e *directory.Edit) error {
		known, err := s.known(ctx, e)
		if err != nil {
			return err
		}
		known.Brought = r.brought
		if plan, err = s.compare(r.roll, known); err != nil {
			return err
		}
		return s.work(ctx, e, &plan, work{r.rule, known.Entries})
	})
	return plan, err
}

// work is what a plan is judged by.
type work struct {
	rule   Rule
	before []directory.Entry
}

// work carries a plan out. People are stored first, so that a newcomer may be a leaver's
// successor, or take over a role. What is too much undoes it all.
func (s *Sync) work(ctx context.Context, e *directory.Edit, plan *Plan, w work) error {
	if err := store(ctx, e, plan); err != nil {
		return err
	}
	for _, r := range plan.Reactivate {
		if err := e.Reactivate(ctx, r.ExternalID); err != nil {
			return err
		}
	}
	after, err := e.Users(ctx)
	if err != nil {
		return err
	}
	hold(plan, w.rule, after)
	var wrong error
	plan.Lost, wrong = w.rule.judge(w.before, after)
	if err := errors.Join(s.refuse(*plan), wrong); err != nil {
		return err
	}
	for _, l := range plan.Deactivate {
		if err := e.Deactivate(ctx, l.ExternalID, l.Reason); err != nil {
			return err
		}
	}
	for _, h := range plan.Held {
		if !h.Linked {
			continue
		}
		if err := e.Unlink(ctx, h.ID, h.Reason); err != nil {
			return err
		}
	}
	return nil
}

// hold finds who may not be deactivated. The last one of a role stays, for without him a
// route could not be published or end, but he loses the Telegram account: the company took
// his rights, and nobody's payment may hang on that he does not use them.
func hold(p *Plan, rule Rule, now []directory.Entry) {
	all, leavers := staff(now), p.Deactivate
	dir, anybody := all, len(rule.loses(all, staff(now, leavers...))) > 0
	p.Deactivate = nil
	for _, l := range leavers {
		if anybody {
			without := dir.Without(l.ID)
			if l.Routes = rule.loses(dir, without); len(l.Routes) > 0 {
				p.Held = append(p.Held, l)
				continue
			}
			dir = without
		}
		for _, r := range rule.Routes {
			l.Named = append(l.Named, r.Names(all, l.ID)...)
		}
		p.Deactivate = append(p.Deactivate, l)
	}
}

func (s *Sync) known(ctx context.Context, e *directory.Edit) (Known, error) {
	identities, err := e.Identities(ctx)
	if err != nil {
		return Known{}, err
	}
	k := Known{Subjects: map[people.ID][]string{}}
	for id, list := range identities {
		for _, i := range list {
			if i.Issuer == cmp.Or(s.Issuer, google.Issuer) {
				k.Subjects[id] = append(k.Subjects[id], i.Subject)
			}
		}
	}
	k.Entries, err = e.Users(ctx)
	return k, err
}

// store puts people into the directory. Whom it does not take, becomes a conflict: one odd
// address must not keep everybody else's suspension from being seen.
func store(ctx context.Context, e *directory.Edit, plan *Plan) error {
	for {
		diff, err := e.Import(ctx, plan.Users)
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

// Apply makes a plan and carries it out. What it gives is what was done. A plan that is
// refused changes nothing and raises the alarm.
func (s *Sync) Apply(ctx context.Context) (Plan, error) {
	plan, err := s.run(ctx, directory.Apply)
	if err != nil {
		for _, a := range alarms(err) {
			s.Alarm(ctx, a)
		}
		return Plan{}, fmt.Errorf("workspace sync: %w", err)
	}
	if len(plan.Held) > 0 {
		s.Alarm(ctx, heldBack(plan.Held))
	}
	if changed := plan.who(); len(changed) > 0 {
		if _, err := s.Changed(ctx, changed...); err != nil {
			return plan, fmt.Errorf("workspace sync: %w", err)
		}
	}
	return plan, nil
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

// isRefused tells whether a plan is too much to be carried out.
func isRefused(err error) bool {
	_, many := errors.AsType[*TooManyError](err)
	_, nobody := errors.AsType[*NobodyError](err)
	return many || nobody
}
