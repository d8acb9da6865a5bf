package link

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"countersign/internal/directory"
	"countersign/internal/notice"
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
	err := d.Store.in(ctx, func(tx tx) error {
		p, err := d.Directory.UnlinkAccountIn(ctx, tx, u.Person.ExternalID, u.Account, "asked for in the chat")
		if errors.Is(err, directory.ErrUnknown) {
			return nil // another tap was first
		}
		if err != nil {
			return err
		}
		return d.alarm(ctx, tx, "unlinked", map[string]any{"Name": p.Name, "ID": p.ExternalID, "Account": u.Account},
			slog.String("person", string(p.ID)))
	})
	if err != nil {
		return Screen{}, err
	}
	d.Notices.Bell.Ring()
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
	by := directory.Colleague{ExternalID: u.Person.ExternalID, Most: maxFreezes, Within: day}
	told := news{"link.you_are_lost", "lost", map[string]any{"By": fmt.Sprintf("%s (%s)", u.Person.Name, u.Person.ExternalID)}}
	f, err := d.Directory.FreezeBy(ctx, by, p.ExternalID, "telephone lost, says "+u.Person.Name, d.tellFrozen(ctx, told))
	switch {
	case errors.Is(err, directory.ErrTooMany):
		return Screen{Text: lang.T("link.lost_too_many", nil)}, nil
	case errors.Is(err, directory.ErrPowerless): // since a moment ago
		return Screen{Text: lang.T("link.not_linked", nil)}, nil
	case err == nil:
		err = d.frozen(ctx, f)
	}
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
	told := news{"link.you_are_frozen", "frozen", map[string]any{"By": by, "Why": reason}}
	f, err := d.Directory.Freeze(ctx, by, externalID, reason, d.tellFrozen(ctx, told))
	if err == nil {
		err = d.frozen(ctx, f)
	}
	return f, err
}

// news are of a freeze: the text for whose account it was, the alarm for administrators, and
// what that is filled with.
type news struct {
	his, alarm string
	data       map[string]any
}

// tellFrozen tells those whom a freeze concerns, in its own commit.
func (d *Desk) tellFrozen(ctx context.Context, n news) directory.Also {
	return func(tx tx, f directory.Frozen) error {
		if f.Person.Telegram != 0 {
			if err := d.tell(ctx, tx, notice.Account{ID: f.Person.Telegram, Language: f.Person.Locale}, n.his, nil); err != nil {
				return err
			}
		}
		n.data["Name"], n.data["ID"] = f.Person.Name, f.Person.ExternalID
		return d.alarm(ctx, tx, n.alarm, n.data, slog.String("person", string(f.Person.ID)))
	}
}

// frozen shows anew what somebody frozen had.
func (d *Desk) frozen(ctx context.Context, f directory.Frozen) error {
	d.Notices.Bell.Ring()
	if err := d.Redraw(ctx, f.Person.ID); err != nil {
		return fmt.Errorf("frozen, but messages are not shown anew: %w", err)
	}
	return nil
}

// concern tells those whom a refused attempt concerns besides the one who made it.
func (d *Desk) concern(ctx context.Context, tx tx, a attempt, why string) error {
	attrs := []slog.Attr{slog.String("attempt", a.ID), slog.String("service", a.Service), slog.String("outcome", why)}
	switch why {
	case "elsewhere", "other_identity", "frozen":
	default:
		d.Log.LogAttrs(ctx, slog.LevelInfo, "login refused", attrs...)
		return nil
	}
	p, err := d.owner(ctx, tx, a)
	if err != nil {
		return err
	}
	key := why
	switch {
	case why == "frozen":
		key = "frozen_login"
	case why == "elsewhere" && p.Telegram != 0: // his login on an account that is another's
		if err := d.tell(ctx, tx, notice.Account{ID: p.Telegram, Language: p.Locale}, "link.tried_elsewhere", nil); err != nil {
			return err
		}
	}
	return d.alarm(ctx, tx, key, map[string]any{
		"Name": p.Name, "ID": p.ExternalID, "Email": masked(a.Proof.Email), "Account": a.Account, "SeenAs": a.SeenAs,
	}, attrs...)
}

// owner is whose login it was; the zero value: nobody's.
func (d *Desk) owner(ctx context.Context, tx tx, a attempt) (people.Person, error) {
	e, err := d.Directory.MatchIn(ctx, tx, a.Proof)
	if reason(err) != "" {
		err = nil
	}
	return e.Person, err
}
