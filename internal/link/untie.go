package link

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"countersign/internal/directory"
	"countersign/internal/people"
)

// Unlink answers /unlink: it asks whether that is meant.
func (d *Desk) Unlink(u User) Screen {
	lang := d.lang(u)
	if u.Person.ID == "" {
		return Screen{Text: lang.T("link.not_linked", nil)}
	}
	return Screen{Text: lang.T("link.unlink_sure", map[string]any{"Name": u.Person.Name}), Buttons: []Button{
		{Text: lang.T("link.button.unlink", nil), Data: dataUnlink},
		{Text: lang.T("link.button.cancel", nil), Data: dataCancel},
	}}
}

func (d *Desk) unlink(ctx context.Context, u User) (Screen, error) {
	lang := d.lang(u)
	if u.Person.ID == "" {
		return Screen{Text: lang.T("link.not_linked", nil)}, nil
	}
	if err := d.Directory.Unlink(ctx, u.Person.ExternalID, u.Person.ID, "asked for in the chat"); err != nil {
		return Screen{}, err
	}
	d.Log.WarnContext(ctx, "account unlinked", slog.String("person", u.Person.ExternalID), slog.Int64("account", u.Account))
	return Screen{Text: lang.T("link.unlinked", nil)}, d.Redraw(ctx, u.Person.ID)
}

// Lost answers /lost NAME: a colleague's telephone is in the wrong hands. Whoever is
// linked may say so: it takes power away, and only an administrator gives it back.
func (d *Desk) Lost(ctx context.Context, u User, whom string) (Screen, error) {
	lang := d.lang(u)
	if u.Person.ID == "" {
		return Screen{Text: lang.T("link.not_linked", nil)}, nil
	}
	if strings.TrimSpace(whom) == "" {
		return Screen{Text: lang.T("link.lost_usage", nil)}, nil
	}
	dir, err := d.Directory.Snapshot(ctx)
	if err != nil {
		return Screen{}, err
	}
	p, ok := dir.Find(strings.ToLower(strings.TrimSpace(whom)))
	if !ok {
		p, ok = dir.Find(whom)
	}
	if !ok || !p.Active {
		return Screen{Text: lang.T("link.lost_unknown", nil)}, nil
	}
	return Screen{Text: lang.T("link.lost_sure", map[string]any{"Name": p.Name, "Email": p.Email}), Buttons: []Button{
		{Text: lang.T("link.button.freeze", nil), Data: dataFreeze + string(p.ID)},
		{Text: lang.T("link.button.cancel", nil), Data: dataCancel},
	}}, nil
}

// One account in the wrong hands must not be able to lock everybody out.
const (
	maxFreezes = 3
	day        = 24 * time.Hour
)

func (d *Desk) freeze(ctx context.Context, u User, whom people.ID) (Screen, error) {
	lang := d.lang(u)
	dir, err := d.Directory.Snapshot(ctx)
	if err != nil {
		return Screen{}, err
	}
	p, ok := dir.Person(whom)
	switch {
	case !u.decides(d.Now()): // nor takes anything away
		return Screen{Text: lang.T("link.not_linked", nil)}, nil
	case !ok:
		return Screen{Text: lang.T("link.lost_unknown", nil)}, nil
	}
	if n, err := d.Directory.FrozenBy(ctx, u.Person.ExternalID, day); err != nil || n >= maxFreezes {
		return Screen{Text: lang.T("link.lost_too_many", nil)}, err
	}
	f, err := d.Freeze(ctx, u.Person.ExternalID, p.ExternalID, "telephone lost, says "+u.Person.Name)
	if err != nil {
		return Screen{}, err
	}
	key := "link.frozen"
	if f.Already {
		key = "link.frozen_already"
	}
	return Screen{Text: lang.T(key, map[string]any{"Name": p.Name})}, nil
}

// Freeze takes a person's account from him at once and everywhere, and tells those whom
// that concerns. Nothing but an administrator's word lets him have one again.
func (d *Desk) Freeze(ctx context.Context, by, externalID, reason string) (directory.Frozen, error) {
	f, err := d.Directory.Freeze(ctx, by, externalID, reason)
	if err != nil {
		return f, err
	}
	if !f.Already {
		if f.Person.Telegram != 0 {
			d.Tell(ctx, f.Person.Telegram, d.lang(User{Person: f.Person}).T("link.you_are_frozen", nil))
		}
		d.alarm(ctx, "frozen", map[string]any{"Name": f.Person.Name, "ID": externalID, "By": by, "Why": reason},
			slog.String("person", externalID), slog.String("by", by))
	}
	if err := d.Redraw(ctx, f.Person.ID); err != nil {
		return f, fmt.Errorf("frozen, but messages are not shown anew: %w", err)
	}
	return f, nil
}

// concern tells those whom a refused attempt concerns besides the one who made it.
func (d *Desk) concern(ctx context.Context, a attempt, why string) {
	attrs := []slog.Attr{slog.Int64("account", a.Account), slog.String("service", a.Service), slog.String("outcome", why)}
	data := map[string]any{"Email": masked(a.Proof.Email), "Account": a.Account, "SeenAs": a.SeenAs}
	switch why {
	case "elsewhere": // his login on an account that is another's
		if p, err := d.owner(ctx, a); err == nil && p.Telegram != 0 {
			d.Tell(ctx, p.Telegram, d.lang(User{Person: p}).T("link.tried_elsewhere", nil))
		}
		d.alarm(ctx, "elsewhere", data, attrs...)
	case "other_identity":
		d.alarm(ctx, "other_identity", data, attrs...)
	case "frozen":
		d.alarm(ctx, "frozen_login", data, attrs...)
	default:
		d.Log.LogAttrs(ctx, slog.LevelInfo, "login refused", attrs...)
	}
}

// owner is whose login it was.
func (d *Desk) owner(ctx context.Context, a attempt) (people.Person, error) {
	e, err := d.Directory.Match(ctx, a.Proof)
	if err != nil && e.ID == "" {
		return people.Person{}, err
	}
	if e.ID == "" {
		return people.Person{}, errors.New("nobody's login")
	}
	return e.Person, nil
}
