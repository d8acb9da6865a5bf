package chat

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"countersign/internal/directory"
	"countersign/internal/people"
	"countersign/internal/screen"
	"countersign/internal/telegram"
)

const (
	mostDeputies = 8 // offered at once
	chatActor    = "chat "
	farthest     = 400 * 24 * time.Hour
)

// away answers /away: "/away", "/away off", "/away 5.12", "/away until 5.12 deputy Smith".
func (d *Door) away(ctx context.Context, v visit) (screen.Screen, error) {
	words := v.Args
	switch {
	case len(words) == 0:
		return d.awayNow(ctx, v, "")
	case strings.EqualFold(words[0], "off"):
		return d.back(ctx, v)
	}
	words = skip(words, "until", "till", "до", "по", "bis", "hasta")
	if len(words) == 0 {
		return d.awayNow(ctx, v, v.t("away.date_wrong", nil))
	}
	last, ok := lastDay(words[0], d.Now().In(v.Zone))
	if !ok {
		return d.awayNow(ctx, v, v.t("away.date_wrong", nil))
	}
	name := strings.TrimPrefix(strings.Join(skip(words[1:], "deputy", "заместитель", "vertretung", "suplente"), " "), "@")
	return d.chooseDeputy(ctx, v, last, name)
}

// skip leaves out a word that only makes the sentence a sentence.
func skip(words []string, fillers ...string) []string {
	if len(words) > 0 && slices.Contains(fillers, strings.ToLower(words[0])) {
		return words[1:]
	}
	return words
}

// lastDay reads the last day of an absence and gives the moment after it: 5.12, 5.12.2026,
// 2026-12-05. A day without a year is the next one of its name.
func lastDay(text string, now time.Time) (time.Time, bool) {
	after := func(y int, m time.Month, day int) time.Time {
		return time.Date(y, m, day+1, 0, 0, 0, 0, now.Location())
	}
	for _, layout := range []string{"2.1.2006", "02.01.2006", time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			out := after(t.Date())
			return out, out.After(now) && out.Sub(now) < farthest
		}
	}
	t, err := time.Parse("2.1.2006", strings.TrimSuffix(text, ".")+".2024") // a leap year: it has every day
	if err != nil {
		return time.Time{}, false
	}
	for year := now.Year(); year <= now.Year()+1; year++ {
		if out := after(year, t.Month(), t.Day()); out.After(now) && out.AddDate(0, 0, -1).Day() == t.Day() {
			return out, out.Sub(now) < farthest
		}
	}
	return time.Time{}, false
}

// awayTap is a button of the panel.
func (d *Door) awayTap(ctx context.Context, v visit) (screen.Screen, error) {
	switch {
	case len(v.Args) == 1 && v.Args[0] == "off":
		return d.back(ctx, v)
	case len(v.Args) == 2 && v.Args[0] == "days":
		if days, err := strconv.Atoi(v.Args[1]); err == nil && days >= 0 && days < 366 {
			now := d.Now().In(v.Zone)
			return d.chooseDeputy(ctx, v, time.Date(now.Year(), now.Month(), now.Day()+days, 0, 0, 0, 0, now.Location()), "")
		}
	case len(v.Args) == 3 && v.Args[0] == "go":
		if until, err := strconv.ParseInt(v.Args[1], 36, 64); err == nil {
			return d.leave(ctx, v, time.Unix(until, 0), people.ID(v.Args[2]))
		}
	}
	return d.awayNow(ctx, v, "")
}

// awayNow says whether somebody is away, and offers to be.
func (d *Door) awayNow(ctx context.Context, v visit, first string) (screen.Screen, error) {
	gone, err := d.Directory.Absences(ctx, v.Person.ID)
	if err != nil {
		return screen.Screen{}, err
	}
	dir, err := d.Directory.Snapshot(ctx)
	if err != nil {
		return screen.Screen{}, err
	}
	var out screen.Screen
	if first != "" {
		out.Lines = append(out.Lines, screen.Plain(first), "")
	}
	out.Lines = append(out.Lines, screen.Bold(v.t("away.title", nil)))
	if len(gone) == 0 {
		out.Lines = append(out.Lines, screen.Plain(v.t("away.none", nil)))
	}
	for _, g := range gone {
		out.Lines = append(out.Lines, screen.Plain(v.absence(g, dir)))
	}
	out.Lines = append(out.Lines, "", screen.Plain(v.t("away.choose", nil)), screen.Plain(v.t("away.hint", nil)))
	out.Rows = [][]telegram.Button{
		{v.button(v.t("away.day", nil), "away", "days", "1"), v.button(v.Lang.N("away.days", 3, nil), "away", "days", "3")},
		{v.button(v.t("away.week", nil), "away", "days", "7"), v.button(v.t("away.weeks", nil), "away", "days", "14")},
	}
	if len(gone) > 0 {
		out.Rows = append(out.Rows, []telegram.Button{v.button(v.t("away.back", nil), "away", "off")})
	}
	return out, nil
}

func (v visit) absence(g directory.Gone, dir people.Directory) string {
	data := map[string]any{"From": v.Lang.DateTime(g.From, v.Zone), "Until": v.Lang.Until(g.Until, v.Zone)}
	if g.Deputy == "" {
		return v.t("away.alone", data)
	}
	p, _ := dir.Person(g.Deputy)
	data["Deputy"] = called(p, dir)
	return v.t("away.with", data)
}

// chooseDeputy offers who may decide meanwhile: those of the name, or those who hold a role
// that he holds.
func (d *Door) chooseDeputy(ctx context.Context, v visit, until time.Time, name string) (screen.Screen, error) {
	dir, err := d.Directory.Snapshot(ctx)
	if err != nil {
		return screen.Screen{}, err
	}
	found := dir.Named(name, mostDeputies+1)
	if name == "" {
		found = peers(dir, v.Person)
	}
	found = slices.DeleteFunc(found, func(p people.Person) bool { return p.ID == v.Person.ID })
	found = found[:min(len(found), mostDeputies)]
	at := strconv.FormatInt(until.Unix(), 36)
	data := map[string]any{"Until": v.Lang.Until(until, v.Zone)}
	out := screen.Screen{Lines: []string{screen.Bold(v.t("away.until", data)), screen.Plain(v.t("away.deputy", nil))}}
	if name != "" && len(found) == 0 {
		out.Lines = append(out.Lines, "", screen.Plain(v.t("away.nobody", map[string]any{"Name": short(name)})))
	}
	day := until.In(v.Zone).AddDate(0, 0, -1).Format("2.1.2006")
	out.Lines = append(out.Lines, "", screen.Plain(v.t("away.deputy_hint", map[string]any{"Command": "/away " + day})))
	for _, p := range found {
		out.Rows = append(out.Rows, []telegram.Button{v.button("👤 "+called(p, dir), "away", "go", at, string(p.ID))})
	}
	out.Rows = append(out.Rows, []telegram.Button{v.button(v.t("away.no_deputy", nil), "away", "go", at, "")},
		[]telegram.Button{v.button(v.t("button.cancel", nil), "away")})
	return out, nil
}

// peers are those who hold a role that somebody holds.
func peers(dir people.Directory, of people.Person) []people.Person {
	var out []people.Person
	for _, r := range of.Roles {
		for _, p := range dir.WithRole(r.Name) {
			if !slices.ContainsFunc(out, func(o people.Person) bool { return o.ID == p.ID }) {
				out = append(out, p)
			}
		}
	}
	return out
}

// leave notes that somebody is away from now on.
func (d *Door) leave(ctx context.Context, v visit, until time.Time, deputy people.ID) (screen.Screen, error) {
	g, _, err := d.Directory.PutAbsence(ctx, chatActor+v.Person.ExternalID, directory.NewAbsence{
		Absence: people.Absence{Person: v.Person.ID, Until: until}, Deputy: deputy, Ask: d.asking(v),
	})
	if key := standingRefusal(err); key != "" {
		return d.awayNow(ctx, v, v.t(key, nil))
	}
	if err != nil {
		return screen.Screen{}, err
	}
	d.standIn(ctx)
	dir, err := d.Directory.Snapshot(ctx)
	if err != nil {
		return screen.Screen{}, err
	}
	out := screen.Screen{Lines: []string{screen.Bold(v.t("away.title", nil)), screen.Plain(v.absence(g, dir))}}
	if g.Deputy == "" {
		out.Lines = append(out.Lines, screen.Plain(v.t("away.alone_note", nil)))
	}
	out.Rows = [][]telegram.Button{{v.button(v.t("away.back", nil), "away", "off")}}
	return out, nil
}

func (d *Door) asking(v visit) directory.Ask {
	return directory.Ask{Account: v.Account, LoginLife: d.Ledger.LoginLife}
}

// standingRefusal is how a refusal of the directory is said; empty for what is none.
func standingRefusal(err error) string {
	for _, known := range []struct {
		err error
		key string
	}{
		{directory.ErrCircular, "away.circular"},
		{directory.ErrPowerless, "away.powerless"},
		{directory.ErrInactive, "away.deputy_gone"},
		{directory.ErrUnknown, "away.deputy_gone"},
		{directory.ErrInvalid, "away.date_wrong"},
	} {
		if errors.Is(err, known.err) {
			return known.key
		}
	}
	return ""
}

// standIn lets open cases follow at once. What fails is made good within a minute.
func (d *Door) standIn(ctx context.Context) {
	if err := d.Ledger.StandIn(ctx); err != nil {
		d.Log.WarnContext(ctx, "deputies not asked yet", slog.Any("error", err))
	}
	if err := d.TellDeputies(ctx); err != nil {
		d.Log.WarnContext(ctx, "deputies not told yet", slog.Any("error", err))
	}
}

// back ends what somebody said of his being away. What an ERP or another said ends, too:
// whoever is there knows it best.
func (d *Door) back(ctx context.Context, v visit) (screen.Screen, error) {
	ended, err := d.Directory.Back(ctx, chatActor+v.Person.ExternalID, v.Person.ID, "back")
	if err != nil {
		return screen.Screen{}, err
	}
	key := "away.not_away"
	if len(ended) > 0 {
		d.standIn(ctx)
		key = "away.welcome_alone"
		if slices.ContainsFunc(ended, func(g directory.Gone) bool { return g.Deputy != "" }) {
			key = "away.welcome"
		}
	}
	return d.awayNow(ctx, v, v.t(key, nil))
}
