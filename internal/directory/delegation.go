package directory

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/money"
	"countersign/internal/people"
)

// The refusals of delegations.
var (
	// ErrCircular comes back when a right would come back to whoever gives it away.
	ErrCircular = errors.New("the delegation leads back to who gives it")
	// ErrPowerless comes back when the account that asks decides nothing itself.
	ErrPowerless = errors.New("the account may not decide")
)

// maxStanding is how long somebody may stand in or be away at most.
const maxStanding = 400 * 24 * time.Hour

// Name is what an ERP calls something of its own; zero for what was not made by one.
type Name struct {
	Source     string
	ExternalID string
}

// Ask is who asks, where that is the person himself: by an account that must decide.
type Ask struct {
	Account   int64         // 0: somebody else asks for him
	LoginLife time.Duration // as for a vote
}

// NewDelegation asks for a delegation.
type NewDelegation struct {
	people.Delegation // its ID is not looked at

	Name
	Ask
}

// Given is a delegation as it is stored.
type Given struct {
	people.Delegation

	Name
	Absence int64 // with which it ends; 0: none
	At      time.Time
	By      string
	Ended   time.Time // zero: it was not taken back
	EndedBy string
	Why     string
}

// delegationNote is a delegation in the journal.
type delegationNote struct {
	ID      people.DelegationID `json:"id"`
	Deputy  string              `json:"deputy"`
	Role    string              `json:"role,omitempty"`
	Type    string              `json:"type,omitempty"`
	Company string              `json:"company,omitempty"`
	UpTo    string              `json:"up_to,omitempty"`
	Hands   int                 `json:"hands"`
	From    time.Time           `json:"from"`
	Until   time.Time           `json:"until"`
	Why     string              `json:"why,omitempty"`
}

const delegationColumns = `d.id, d.principal, d.deputy, d.role, d.type, d.company, coalesce(d.most_minor, 0), coalesce(d.currency, ''), d.hands,
	d.starts_at, d.until, coalesce(d.source, ''), coalesce(d.external_id, ''), coalesce(d.absence_id, 0),
	d.made_at, d.made_by, d.ended_at, coalesce(d.ended_by, ''), coalesce(d.ended_why, '')`

func scanGiven(row pgx.CollectableRow) (Given, error) {
	var g Given
	var limit money.Amount
	var ended *time.Time
	err := row.Scan(&g.ID, &g.Principal, &g.Deputy, &g.Scope.Role, &g.Scope.Type, &g.Scope.Company, &limit.Minor, &limit.Currency, &g.Hands,
		&g.From, &g.Until, &g.Source, &g.ExternalID, &g.Absence, &g.At, &g.By, &ended, &g.EndedBy, &g.Why)
	if limit.Currency != "" {
		g.Scope.UpTo = &limit
	}
	g.From, g.Until, g.At, g.Ended = g.From.UTC(), g.Until.UTC(), g.At.UTC(), instant(ended)
	return g, err
}

// Delegate lets a deputy decide for somebody. One of the same name of an ERP is replaced,
// unless it says the same; created is false where there was one.
func (s *Store) Delegate(ctx context.Context, actor string, n NewDelegation) (g Given, created bool, err error) {
	err = s.write(ctx, actor, func(w *writer) error {
		was, err := w.named(ctx, n.Name)
		if err != nil {
			return err
		}
		created = was.ID == 0
		if n.From.IsZero() {
			n.From = w.at
		}
		if was.ID != 0 {
			if g = was; was.same(n.Delegation) {
				return nil
			}
			if err := w.endDelegations(ctx, "d.id = $1", replacedBy, was.ID); err != nil {
				return err
			}
		}
		g, err = w.delegate(ctx, n, 0)
		return err
	})
	if err != nil {
		return Given{}, false, fmt.Errorf("delegation of %s: %w", n.Principal, err)
	}
	return g, created, nil
}

// replacedBy is why a delegation or an absence ends that another one takes the place of.
const replacedBy = "replaced by another"

func (g Given) same(n people.Delegation) bool {
	a, b := g.Scope, n.Scope
	limits := a.UpTo == nil && b.UpTo == nil || a.UpTo != nil && b.UpTo != nil && *a.UpTo == *b.UpTo
	a.UpTo, b.UpTo = nil, nil
	return g.Principal == n.Principal && g.Deputy == n.Deputy && a == b && limits && g.Hands == n.Hands &&
		g.From.Equal(n.From) && g.Until.Equal(n.Until)
}

// named finds the live delegation of an ERP's name; its ID is 0 where there is none.
func (w *writer) named(ctx context.Context, n Name) (Given, error) {
	if n.Source == "" {
		return Given{}, nil
	}
	rows, err := w.tx.Query(ctx, `select `+delegationColumns+` from delegation d
		where d.source = $1 and d.external_id = $2 and d.ended_at is null and d.absence_id is null`, n.Source, n.ExternalID)
	if err != nil {
		return Given{}, err
	}
	g, err := pgx.CollectOneRow(rows, scanGiven)
	if errors.Is(err, pgx.ErrNoRows) {
		err = nil
	}
	return g, err
}

// delegate checks and stores one; where it belongs to an absence it ends with that.
func (w *writer) delegate(ctx context.Context, n NewDelegation, absence int64) (Given, error) {
	d := n.Delegation
	d.From, d.Until = d.From.UTC().Truncate(time.Microsecond), d.Until.UTC().Truncate(time.Microsecond)
	if fault := checkDelegation(d, n.Name); fault != "" {
		return Given{}, fmt.Errorf("%s: %w", fault, ErrInvalid)
	}
	if err := w.mayStand(ctx, d.Principal, n.Ask); err != nil {
		return Given{}, err
	}
	deputy, err := w.oneEntry(ctx, "p.id = $1", string(d.Deputy))
	if err != nil {
		return Given{}, err
	}
	if !deputy.Active {
		return Given{}, fmt.Errorf("deputy %s: %w", shown(deputy.ExternalID), ErrInactive)
	}
	delegations, absences, err := standing(ctx, w.tx, w.at)
	if err != nil {
		return Given{}, err
	}
	if (people.Directory{}).With(delegations, absences).Circular(d) {
		return Given{}, ErrCircular
	}
	g := Given{Delegation: d, Name: n.Name, Absence: absence, At: w.at, By: w.actor}
	var most *int64
	var currency *string
	if limit := d.Scope.UpTo; limit != nil {
		most, currency = &limit.Minor, &limit.Currency
	}
	err = w.tx.QueryRow(ctx, `
		insert into delegation (principal, deputy, role, type, company, most_minor, currency, hands, starts_at, until,
			absence_id, source, external_id, made_at, made_by)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, nullif($11, 0), nullif($12, ''), nullif($13, ''), $14, $15) returning id`,
		d.Principal, d.Deputy, d.Scope.Role, d.Scope.Type, d.Scope.Company, most, currency, d.Hands, d.From, d.Until,
		absence, n.Source, n.ExternalID, w.at, w.actor).Scan(&g.ID)
	if err != nil {
		return Given{}, err
	}
	return g, w.noteDelegation(ctx, "delegation.made", g, "")
}

// mayStand reads who gives a right away, or is away, and refuses who may not say so.
func (w *writer) mayStand(ctx context.Context, id people.ID, a Ask) error {
	e, err := w.oneEntry(ctx, "p.id = $1", string(id))
	switch {
	case err != nil:
		return err
	case !e.Active:
		return ErrInactive
	case a.Account == 0:
		return nil
	case e.Link.Account != a.Account:
		return ErrPowerless
	}
	if err := e.Link.Decides(w.at, a.LoginLife); err != nil {
		return fmt.Errorf("%w: %w", ErrPowerless, err)
	}
	return nil
}

func checkDelegation(d people.Delegation, n Name) string {
	role := people.Role{Name: d.Scope.Role}
	switch {
	case d.Principal == d.Deputy:
		return "nobody is his own deputy"
	case d.Hands < 1 || d.Hands > people.MostHands:
		return fmt.Sprintf("a right goes through 1 to %d hands", people.MostHands)
	case d.Scope.Role != "" && checkRole(role) != "":
		return checkRole(role)
	case d.Scope.Type != "" && !word(d.Scope.Type, 64, "", "0123456789_"):
		return fmt.Sprintf("type of document %s is not a name such as payment_request", shown(d.Scope.Type))
	case plain("company", d.Scope.Company, 0, 100) != "":
		return plain("company", d.Scope.Company, 0, 100)
	case d.Scope.UpTo != nil && d.Scope.UpTo.Minor < 1:
		return "the greatest amount is not above 0"
	}
	return checkSpan(d.From, d.Until, n)
}

func checkSpan(from, until time.Time, n Name) string {
	switch {
	case !until.After(from):
		return "it ends before it begins"
	case until.Sub(from) > maxStanding:
		return "it lasts longer than 400 days"
	case n.Source != "":
		return plain("external_id", n.ExternalID, 1, 200)
	default:
		return ""
	}
}

func (w *writer) noteDelegation(ctx context.Context, what string, g Given, why string) error {
	var principal, deputy string
	err := w.tx.QueryRow(ctx, `select p.external_id, d.external_id from person p, person d where p.id = $1 and d.id = $2`, g.Principal, g.Deputy).
		Scan(&principal, &deputy)
	note := delegationNote{
		ID: g.ID, Deputy: deputy, Role: g.Scope.Role, Type: g.Scope.Type, Company: g.Scope.Company, Hands: g.Hands,
		From: g.From, Until: g.Until, Why: why,
	}
	if g.Scope.UpTo != nil {
		note.UpTo = g.Scope.UpTo.String() + " " + g.Scope.UpTo.Currency
	}
	if why == "" {
		w.note(what, principal, nil, note)
	} else {
		w.note(what, principal, note, nil)
	}
	return err
}

// endDelegations ends those delegations d that fit and have not ended.
func (w *writer) endDelegations(ctx context.Context, which, why string, args ...any) error {
	rows, err := w.tx.Query(ctx, `select `+delegationColumns+` from delegation d where d.ended_at is null and `+which+` order by d.id`, args...)
	if err != nil {
		return err
	}
	found, err := pgx.CollectRows(rows, scanGiven)
	if err != nil {
		return err
	}
	for _, g := range found {
		// greatest: another server's clock may be ahead of this one's
		if _, err := w.tx.Exec(ctx, `update delegation set ended_at = greatest(made_at, $2), ended_by = $3, ended_why = $4 where id = $1`,
			g.ID, w.at, w.actor, why); err != nil {
			return err
		}
		if err := w.noteDelegation(ctx, "delegation.ended", g, why); err != nil {
			return err
		}
	}
	return nil
}

// Revoke ends a delegation at once. One that is over, or was never there, is no error: the
// answer says whether it ended now.
func (s *Store) Revoke(ctx context.Context, actor string, id people.DelegationID, why string) (ended bool, err error) {
	err = s.write(ctx, actor, func(w *writer) error {
		if fault := plain("reason", why, 1, 500); fault != "" {
			return fmt.Errorf("%s: %w", fault, ErrInvalid)
		}
		err := w.endDelegations(ctx, "d.id = $1 and d.until > $2", why, id, w.at)
		ended = len(w.notes) > 0
		return err
	})
	if err != nil {
		return false, fmt.Errorf("revoke delegation %d: %w", id, err)
	}
	return ended, nil
}

// RevokeNamed is Revoke by an ERP's name; ErrUnknown where it never gave one of that name.
func (s *Store) RevokeNamed(ctx context.Context, actor string, n Name, why string) (Given, error) {
	g, err := s.DelegationNamed(ctx, n)
	if err != nil || !g.Ended.IsZero() {
		return g, err
	}
	if _, err := s.Revoke(ctx, actor, g.ID, why); err != nil {
		return Given{}, err
	}
	return s.DelegationNamed(ctx, n)
}

// DelegationNamed gives the last delegation that an ERP made by a name.
func (s *Store) DelegationNamed(ctx context.Context, n Name) (Given, error) {
	if plain("", n.ExternalID, 1, 200) != "" {
		return Given{}, fmt.Errorf("delegation %s: %w", shown(n.ExternalID), ErrUnknown)
	}
	found, err := s.delegations(ctx, `d.source = $1 and d.external_id = $2 and d.absence_id is null order by d.id desc limit 1`, n.Source, n.ExternalID)
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("delegation %s: %w", shown(n.ExternalID), ErrUnknown)
	}
	if err != nil {
		return Given{}, err
	}
	return found[0], nil
}

// Delegations lists what is in force or will be: of everybody, or what a person gave or got.
func (s *Store) Delegations(ctx context.Context, of people.ID) ([]Given, error) {
	return s.delegations(ctx, `d.ended_at is null and d.until > $1 and ($2 = '' or $2 in (d.principal, d.deputy)) order by d.starts_at, d.id limit 1000`,
		s.now(), of)
}

func (s *Store) delegations(ctx context.Context, which string, args ...any) ([]Given, error) {
	rows, err := s.Pool.Query(ctx, `select `+delegationColumns+` from delegation d where `+which, args...)
	if err != nil {
		return nil, fmt.Errorf("delegations: %w", err)
	}
	found, err := pgx.CollectRows(rows, scanGiven)
	if err != nil {
		return nil, fmt.Errorf("delegations: %w", err)
	}
	return found, nil
}
