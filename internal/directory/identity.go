package directory

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/people"
)

// Proof is an account of a login service whose owner has just signed in.
type Proof struct {
	Issuer  string // of the login service: its address
	Subject string // what the service never gives to somebody else
	Email   string // checked by the service; finds the person the first time, later for the eye only
}

// Terms are the conditions of a new link.
type Terms struct {
	Confirm Confirm
	Cooling time.Duration // with CoolingOff: until it decides
}

// Confirm is what must happen before a new link decides.
type Confirm string

// The ways to power.
const (
	Notify     Confirm = "notify"      // nothing: those concerned are told
	CoolingOff Confirm = "cooling_off" // some time passes
	ByAdmin    Confirm = "admin"       // an administrator agrees
)

// NewLink asks for a link of a Telegram account to whoever the proof shows.
type NewLink struct {
	Account int64
	SeenAs  string    // the name the account showed, for the eye only
	Person  people.ID // who was shown to the owner of the account; empty: whoever the proof shows
	Proof   Proof
	Terms   Terms
}

// Identity is an account of a login service as it is bound to a person.
type Identity struct {
	ID     int64
	Person people.ID
	Proof
	At time.Time
}

// identityNote is an identity in the journal.
type identityNote struct {
	Issuer  string `json:"issuer"`
	Subject string `json:"subject"`
	Email   string `json:"email"`
	Why     string `json:"why,omitempty"`
}

// Match finds whose account of a login service it is: by its subject, or, when that was
// never seen, by the address. Refusals are ErrUnknown, ErrInactive, ErrFrozen and
// ErrOtherIdentity; with all but the first the person is given, too.
func (s *Store) Match(ctx context.Context, p Proof) (Entry, error) {
	var e Entry
	err := pgx.BeginTxFunc(ctx, s.Pool, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) (err error) {
		e, err = s.MatchIn(ctx, tx, p)
		return err
	})
	return e, err
}

// MatchIn is Match inside the caller's transaction.
func (*Store) MatchIn(ctx context.Context, tx pgx.Tx, p Proof) (Entry, error) {
	e, _, err := match(ctx, &writer{tx: tx}, p)
	if e.ID == "" {
		return e, err
	}
	who := []people.Person{e.Person}
	if lost := settle(ctx, tx, who); lost != nil { // he may have to be told, in his language
		return Entry{}, lost
	}
	e.Person = who[0]
	return e, err
}

// match gives the person and the live identity; its id is 0 where it is not bound yet.
func match(ctx context.Context, w *writer, p Proof) (Entry, Identity, error) {
	known, err := liveIdentity(ctx, w.tx, "issuer = $1 and subject = $2", p.Issuer, p.Subject)
	if err != nil {
		return Entry{}, Identity{}, err
	}
	e, err := w.meant(ctx, p, known)
	if err != nil {
		return Entry{}, Identity{}, err
	}
	switch {
	case p.Issuer == workspaceIssuer && e.Workspace != "" && e.Workspace != p.Subject: // the address was given to somebody else
		return e, known, ErrOtherIdentity
	case !e.Active:
		return e, known, ErrInactive
	case !e.FrozenAt.IsZero():
		return e, known, ErrFrozen
	case known.ID != 0:
		return e, known, nil
	}
	other, err := liveIdentity(ctx, w.tx, "person_id = $1 and issuer = $2", string(e.ID), p.Issuer)
	if err == nil && other.ID != 0 {
		err = ErrOtherIdentity
	}
	return e, known, err
}

// workspaceIssuer is the login service whose subjects are the ids that accounts have in
// Google Workspace.
const workspaceIssuer = "https://accounts.google.com"

// meant finds the person of a proof: by what is bound, by the account that the company's
// directory knows him by, and only then by his address, which may change hands.
func (w *writer) meant(ctx context.Context, p Proof, known Identity) (Entry, error) {
	if known.ID != 0 {
		return w.oneEntry(ctx, "p.id = $1", string(known.Person))
	}
	if p.Issuer == workspaceIssuer {
		if e, err := w.oneEntry(ctx, "p.workspace_id = $1", p.Subject); err == nil || !errors.Is(err, ErrUnknown) {
			return e, err
		}
	}
	address := strings.ToLower(p.Email)
	if address == "" {
		return Entry{}, fmt.Errorf("address missing: %w", ErrUnknown)
	}
	return w.oneEntry(ctx, "p.email = $1", address)
}

func liveIdentity(ctx context.Context, q Querier, condition string, args ...any) (Identity, error) {
	rows, err := q.Query(ctx, `select id, person_id, issuer, subject, email, bound_at from identity
		where ended_at is null and `+condition, args...)
	if err != nil {
		return Identity{}, fmt.Errorf("identity: %w", err)
	}
	i, err := pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (i Identity, err error) {
		err = row.Scan(&i.ID, &i.Person, &i.Issuer, &i.Subject, &i.Email, &i.At)
		return i, err
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return Identity{}, nil
	}
	if err != nil {
		return Identity{}, fmt.Errorf("identity: %w", err)
	}
	return i, nil
}

// Identities lists the live accounts of login services by person.
func (s *Store) Identities(ctx context.Context) (map[people.ID][]Identity, error) {
	return identities(ctx, s.Pool)
}

func identities(ctx context.Context, q Querier) (map[people.ID][]Identity, error) {
	rows, err := q.Query(ctx, "select id, person_id, issuer, subject, email, bound_at from identity where ended_at is null order by id")
	if err != nil {
		return nil, fmt.Errorf("identities: %w", err)
	}
	out := map[people.ID][]Identity{}
	var i Identity
	_, err = pgx.ForEachRow(rows, []any{&i.ID, &i.Person, &i.Issuer, &i.Subject, &i.Email, &i.At}, func() error {
		out[i.Person] = append(out[i.Person], i)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("identities: %w", err)
	}
	return out, nil
}

// LinkIn gives the person of a proof a Telegram account, inside the caller's transaction,
// which from then on holds the lock of all writers of the directory: call it late. The
// account that the person had is unlinked in the same act; the same account again is a
// new proof of the link that it has. Refusals are those of Match, and ErrLinkedElsewhere.
func (s *Store) LinkIn(ctx context.Context, tx pgx.Tx, actor string, n NewLink) (Link, error) {
	var made Link
	err := s.writeIn(ctx, tx, actor, func(w *writer) (err error) {
		made, err = w.link(ctx, n)
		return err
	})
	if err != nil {
		return Link{}, fmt.Errorf("link account %d: %w", n.Account, err)
	}
	return made, nil
}

func (w *writer) link(ctx context.Context, n NewLink) (Link, error) {
	for _, fault := range []string{checkAccount(n.Account), plain("name seen", n.SeenAs, 0, 200), checkTerms(n.Terms), checkProof(n.Proof)} {
		if fault != "" {
			return Link{}, fmt.Errorf("%s: %w", fault, ErrInvalid)
		}
	}
	e, id, err := match(ctx, w, n.Proof)
	if err != nil {
		return Link{}, err
	}
	if n.Person != "" && n.Person != e.ID {
		return Link{}, ErrOtherIdentity
	}
	var holder people.ID
	err = w.tx.QueryRow(ctx, "select person_id from telegram_link where account = $1 and unlinked_at is null", n.Account).Scan(&holder)
	switch {
	case err != nil && !errors.Is(err, pgx.ErrNoRows):
		return Link{}, err
	case err == nil && holder != e.ID:
		return Link{}, ErrLinkedElsewhere
	}
	if id.ID == 0 {
		if id, err = w.bind(ctx, e, n.Proof); err != nil {
			return Link{}, err
		}
	}
	if e.Link.Account == n.Account && e.Link.Identity == id.ID {
		return w.prove(ctx, e)
	}
	if err := w.endLink(ctx, e, replaced); err != nil {
		return Link{}, err
	}
	return w.makeLink(ctx, e, id, n)
}

func (w *writer) makeLink(ctx context.Context, e Entry, id Identity, n NewLink) (Link, error) {
	made := Link{Person: e.ID, Account: n.Account, How: ByLogin, SeenAs: n.SeenAs, At: w.at, Identity: id.ID}
	if e.Link.Account != n.Account {
		made.Replaced = e.Link.Account
	}
	from := &w.at
	switch {
	case e.Link.Account == n.Account && e.Link.Decides(w.at, 0) == nil: // it decides already, by an administrator's word
	case n.Terms.Confirm == CoolingOff:
		at := w.at.Add(n.Terms.Cooling)
		from = &at
	case n.Terms.Confirm == ByAdmin:
		from = nil
	}
	made.Power = power(made, from, &w.at)
	err := w.tx.QueryRow(ctx, `
		insert into telegram_link (person_id, account, how, seen_as, linked_at, linked_by, identity_id, decides_from, proved_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $5) returning id`,
		made.Person, made.Account, made.How, made.SeenAs, made.At, w.actor, made.Identity, from).Scan(&made.ID)
	w.note("link.made", e.ExternalID, nil, linkNote{made.Account, made.How, ""})
	return made, err
}

// prove notes that the login behind a link was proved again.
func (w *writer) prove(ctx context.Context, e Entry) (Link, error) {
	// greatest: another server's clock may be ahead of this one's
	err := w.tx.QueryRow(ctx, "update telegram_link set proved_at = greatest(proved_at, $2) where id = $1 returning proved_at", e.Link.ID, w.at).
		Scan(&e.Link.Proved)
	e.Link.Proved = e.Link.Proved.UTC()
	w.note("link.proved", e.ExternalID, nil, linkNote{e.Link.Account, e.Link.How, ""})
	return e.Link, err
}

// bind ties an account of a login service to a person for good.
func (w *writer) bind(ctx context.Context, e Entry, p Proof) (Identity, error) {
	i := Identity{Person: e.ID, Proof: p, At: w.at}
	err := w.tx.QueryRow(ctx, `insert into identity (person_id, issuer, subject, email, bound_at, bound_by)
		values ($1, $2, $3, $4, $5, $6) returning id`, i.Person, i.Issuer, i.Subject, i.Email, i.At, w.actor).Scan(&i.ID)
	w.note("identity.bound", e.ExternalID, nil, identityNote{p.Issuer, p.Subject, p.Email, ""})
	return i, err
}

func checkTerms(t Terms) string {
	switch t.Confirm {
	case Notify, ByAdmin:
		return ""
	case CoolingOff:
		if t.Cooling > 0 {
			return ""
		}
		return "a cooling-off time is missing"
	default:
		return fmt.Sprintf("way of confirming links %s is not known", shown(string(t.Confirm)))
	}
}

func checkProof(p Proof) string {
	switch {
	case !isSubject(p.Subject):
		return "subject is not 1 to 255 printable characters"
	case p.Email == "":
		return "email is missing"
	case plain("issuer", p.Issuer, 1, 255) != "":
		return plain("issuer", p.Issuer, 1, 255)
	default:
		return checkEmail(p.Email)
	}
}
