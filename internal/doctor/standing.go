package doctor

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"countersign/internal/google"
	"countersign/internal/hook"
	"countersign/internal/inbox"
)

const (
	lateUpdate = time.Minute      // an update that nobody has handled by then
	quietCards = 2 * time.Minute  // cards that are behind for longer are not just being drawn
	lateEvent  = 10 * time.Minute // an event that was not delivered by then
	longFail   = time.Hour        // of a webhook: then it is a problem
	little     = 1 << 30          // bytes that are too few for long
	tooLittle  = 200 << 20        // and for now
)

func (d *Doctor) settings(context.Context) []Finding {
	var found []Finding
	for _, err := range d.Settings {
		found = append(found, problem("doctor.settings.wrong", data{"Why": err})...)
	}
	if found == nil {
		return ok("doctor.settings.ok", nil)
	}
	return found
}

func (d *Doctor) texts(context.Context) []Finding {
	var found []Finding
	for _, err := range d.Texts {
		found = append(found, problem("doctor.texts.wrong", data{"Why": err})...)
	}
	if found == nil {
		return ok("doctor.texts.ok", data{"Languages": strings.Join(d.Languages, ", ")})
	}
	return found
}

// folder looks whether files can be made where data are kept, and how many still.
func (d *Doctor) folder() []Finding {
	path := d.Folder
	for { // where it is not made yet: what it would be made in
		if _, err := os.Stat(path); err == nil || path == filepath.Dir(path) {
			break
		}
		path = filepath.Dir(path)
	}
	at := data{"Path": d.Folder, "Free": "?"}
	f, err := os.CreateTemp(path, ".doctor-*")
	if err == nil {
		err = f.Close()
		if gone := os.Remove(f.Name()); err == nil {
			err = gone
		}
	}
	if err != nil {
		at["Why"] = err
		return problem("doctor.folder.closed", at)
	}
	ask := d.Room
	if ask == nil {
		ask = room
	}
	free, known := ask(path)
	at["Free"] = float64(free) / (1 << 30)
	switch {
	case !known:
		return ok("doctor.folder.unknown", at)
	case free < tooLittle:
		return problem("doctor.folder.full", at)
	case free < little:
		return warning("doctor.folder.full", at)
	}
	return ok("doctor.folder.ok", at)
}

func (d *Doctor) database(ctx context.Context, base *ground) []Finding {
	db := d.Database(ctx)
	base.set(func(g *ground) { g.database = db.usable() })
	return db.findings()
}

func (db Database) findings() []Finding {
	switch {
	case db.None:
		return warning("doctor.database.none", nil)
	case db.Away != nil:
		return problem("doctor.database.away", data{"Why": db.Away})
	case db.Role != nil:
		return problem("doctor.database.role", data{"Why": db.Role})
	case db.Behind:
		return problem("doctor.database.behind", nil)
	}
	found := ok("doctor.database.ok", data{"Version": db.Version})
	for _, danger := range db.Dangers {
		found = append(found, warning("doctor.database.danger", data{"Why": danger})...)
	}
	return append(found, clocks("PostgreSQL", db.Ahead)...)
}

// login looks whether each login service can be reached, and says what to register there.
func (d *Doctor) login(ctx context.Context) []Finding {
	if len(d.Services) == 0 {
		return ok("doctor.login.none", nil)
	}
	var found []Finding
	for _, s := range d.Services {
		at := data{"Name": s.Title, "Redirect": s.Redirect}
		// Made of nothing secret: only the address is asked for, and nobody is sent there.
		if _, err := s.SignIn(ctx, google.Request{State: "doctor", Nonce: "doctor", Verifier: strings.Repeat("x", 43)}); err != nil {
			at["Why"] = err
			found = append(found, problem("doctor.login.away", at)...)
			continue
		}
		found = append(found, ok("doctor.login.ok", at)...)
	}
	return found
}

func (d *Doctor) workspace(ctx context.Context) []Finding {
	n, err := d.Roll(ctx)
	if err != nil {
		return problem("doctor.workspace.away", data{"Why": err})
	}
	return ok("doctor.workspace.ok", data{"Count": n})
}

// webhooks looks at those of the ERPs.
func (d *Doctor) webhooks(ctx context.Context) []Finding {
	all, err := d.Webhooks(ctx)
	if err != nil {
		return problem("doctor.unread", data{"Why": err})
	}
	return delivered(all, d.Now())
}

// paused is why a webhook does not go on: as somebody gave it, or as the gateway found.
func paused(reason string) any {
	switch reason {
	case hook.ReasonGone:
		return Said{Key: "doctor.erp.gone"}
	case hook.ReasonFailing:
		return Said{Key: "doctor.erp.tired"}
	default:
		return reason
	}
}

func delivered(all []hook.Endpoint, now time.Time) []Finding {
	all = slices.DeleteFunc(slices.Clone(all), func(e hook.Endpoint) bool { return e.State == hook.Ended })
	if len(all) == 0 {
		return ok("doctor.erp.none", nil)
	}
	var found []Finding
	for _, e := range all {
		at := data{"ID": e.ID, "Source": e.Source, "Due": e.Due, "Why": paused(e.Reason)}
		switch {
		case e.State == hook.Paused:
			found = append(found, problem("doctor.erp.paused", at)...)
		case e.FailingSince != nil:
			at["Age"] = now.Sub(*e.FailingSince)
			tell := warning
			if now.Sub(*e.FailingSince) > longFail {
				tell = problem
			}
			found = append(found, tell("doctor.erp.failing", at)...)
		case e.OldestDue != nil && now.Sub(*e.OldestDue) > lateEvent:
			at["Age"] = now.Sub(*e.OldestDue)
			found = append(found, problem("doctor.erp.behind", at)...)
		}
	}
	if found == nil {
		return ok("doctor.erp.ok", data{"Count": len(all)})
	}
	return found
}

// work looks at what waits to be done.
func (d *Doctor) work(ctx context.Context) []Finding {
	s, err := d.Updates(ctx)
	if err != nil {
		return problem("doctor.unread", data{"Why": err})
	}
	behind, err := d.Behind(ctx, quietCards)
	if err != nil {
		return problem("doctor.unread", data{"Why": err})
	}
	return waits(s, behind)
}

func waits(s inbox.Standing, behind int) []Finding {
	var found []Finding
	if s.Waiting > 0 && s.Oldest > lateUpdate {
		found = append(found, problem("doctor.work.updates", data{"Count": s.Waiting, "Age": s.Oldest})...)
	}
	if s.Parked > 0 {
		found = append(found, warning("doctor.work.parked", data{"Count": s.Parked})...)
	}
	if s.Unreadable > 0 {
		found = append(found, warning("doctor.work.unreadable", data{"Count": s.Unreadable})...)
	}
	if behind > 0 {
		found = append(found, warning("doctor.work.cards", data{"Count": behind})...)
	}
	if found == nil {
		return ok("doctor.work.ok", nil)
	}
	return found
}
