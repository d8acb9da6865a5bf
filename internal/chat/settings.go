package chat

import (
	"context"
	"errors"
	"fmt"
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

const mostZones = 12 // offered at once

// zoneNames are those offered by region; any other of the IANA may be written.
func zoneNames() []string {
	return strings.Fields(`
		Europe/Kaliningrad Europe/Moscow Europe/Samara Asia/Yekaterinburg Asia/Omsk Asia/Novosibirsk Asia/Krasnoyarsk Asia/Irkutsk
		Asia/Yakutsk Asia/Vladivostok Asia/Magadan Asia/Kamchatka
		Europe/London Europe/Lisbon Europe/Dublin Europe/Berlin Europe/Madrid Europe/Paris Europe/Rome Europe/Vienna Europe/Zurich
		Europe/Amsterdam Europe/Brussels Europe/Prague Europe/Warsaw Europe/Budapest Europe/Belgrade Europe/Athens Europe/Bucharest
		Europe/Sofia Europe/Helsinki Europe/Riga Europe/Vilnius Europe/Tallinn Europe/Kyiv Europe/Minsk Europe/Istanbul
		Asia/Tbilisi Asia/Yerevan Asia/Baku Asia/Almaty Asia/Tashkent Asia/Bishkek Asia/Dushanbe Asia/Ashgabat Asia/Dubai Asia/Jerusalem
		Asia/Karachi Asia/Kolkata Asia/Bangkok Asia/Shanghai Asia/Hong_Kong Asia/Singapore Asia/Seoul Asia/Tokyo
		Africa/Cairo Africa/Johannesburg Africa/Lagos Africa/Nairobi Africa/Casablanca Atlantic/Canary Atlantic/Azores
		America/New_York America/Chicago America/Denver America/Los_Angeles America/Toronto America/Mexico_City America/Bogota America/Lima
		America/Santiago America/Argentina/Buenos_Aires America/Montevideo America/Sao_Paulo America/Caracas America/Panama
		Australia/Sydney Australia/Perth Pacific/Auckland UTC`)
}

// regions are the first words of their names.
func regions() []string {
	var out []string
	for _, name := range zoneNames() {
		if region, _, ok := strings.Cut(name, "/"); ok && !slices.Contains(out, region) {
			out = append(out, region)
		}
	}
	slices.Sort(out)
	return out
}

// settings answers /settings, "/settings 21:30-7:15" and "/settings Berlin".
func (d *Door) settings(ctx context.Context, v visit) (screen.Screen, error) {
	if len(v.Args) == 0 {
		return d.settingsNow(ctx, v, "")
	}
	text := strings.Join(v.Args, "_")
	if q, ok := hours(text); ok {
		return d.set(ctx, v, func(s *directory.Setting) { s.Quiet = q })
	}
	if _, err := directory.Zone(text); err == nil && strings.Contains(text, "/") {
		return d.set(ctx, v, func(s *directory.Setting) { s.Zone = text })
	}
	found := slices.DeleteFunc(zoneNames(), func(name string) bool { return !strings.Contains(strings.ToLower(name), strings.ToLower(text)) })
	if len(found) == 0 {
		return d.settingsNow(ctx, v, v.t("settings.not_found", nil))
	}
	return v.chooseZone(found[:min(len(found), mostZones)]), nil
}

// hours reads quiet hours: 22-7, 21:30-7:15.
func hours(text string) (people.Quiet, bool) {
	from, to, ok := strings.Cut(strings.ReplaceAll(text, "–", "-"), "-")
	if !ok {
		return people.Quiet{}, false
	}
	minute := func(text string) int {
		text = strings.Trim(text, "_")
		if !strings.Contains(text, ":") {
			text += ":00"
		}
		t, err := time.Parse("15:04", text)
		if err != nil {
			return -1
		}
		return t.Hour()*60 + t.Minute()
	}
	q := people.Quiet{From: minute(from), To: minute(to)}
	return q, q != people.Quiet{} && q.Valid()
}

// settingsTap is a button of the panel.
func (d *Door) settingsTap(ctx context.Context, v visit) (screen.Screen, error) {
	what, value := "", ""
	if len(v.Args) > 0 {
		what = v.Args[0]
	}
	if len(v.Args) > 1 {
		value = v.Args[1]
	}
	switch {
	case what == "digest":
		return d.digestTap(ctx, v, value)
	case what == "lang" && value == "":
		return d.chooseLanguage(v), nil
	case what == "lang" && (value == "tg" || slices.Contains(d.Texts.Languages(), value)):
		return d.set(ctx, v, func(s *directory.Setting) {
			if s.Locale, s.Follows = value, value == "tg"; s.Follows {
				s.Locale = d.Texts.For(v.language).Tag()
			}
		})
	case what == "zone" && value == "":
		return v.chooseRegion(), nil
	case what == "zone":
		of := slices.DeleteFunc(zoneNames(), func(name string) bool { return !strings.HasPrefix(name, value+"/") })
		return v.chooseZone(of), nil
	case what == "at" && (value == "" || slices.Contains(zoneNames(), value)):
		return d.set(ctx, v, func(s *directory.Setting) { s.Zone = value })
	case what == "quiet" && value == "":
		return v.chooseQuiet(), nil
	case what == "quiet" && value == "off":
		return d.set(ctx, v, func(s *directory.Setting) { s.Quiet = people.Quiet{} })
	case what == "quiet":
		if q, ok := hours(value); ok {
			return d.set(ctx, v, func(s *directory.Setting) { s.Quiet = q })
		}
	}
	return d.settingsNow(ctx, v, "")
}

// set changes something, and everything that the person is shown follows.
func (d *Door) set(ctx context.Context, v visit, change func(*directory.Setting)) (screen.Screen, error) {
	changed, err := d.Directory.Set(ctx, chatActor+v.Person.ExternalID, v.Person.ID, change)
	if errors.Is(err, directory.ErrInvalid) {
		return d.settingsNow(ctx, v, v.t("settings.not_found", nil))
	}
	if err != nil {
		return screen.Screen{}, err
	}
	dir, err := d.Directory.Snapshot(ctx)
	if err != nil {
		return screen.Screen{}, err
	}
	v.Person, _ = dir.Person(v.Person.ID)
	v.Lang, v.Zone = d.lang(v.Person, telegram.User{Language: v.language}), d.zone(v.Person)
	if changed {
		if err := d.Ledger.RedrawConcerning(ctx, v.Person.ID); err != nil { // it is set all the same, and shows with the next change
			d.Log.WarnContext(ctx, "cards not drawn anew yet", slog.Any("error", err))
		}
	}
	out, err := d.settingsNow(ctx, v, "")
	out.Notice = v.t("settings.saved", nil)
	return out, err
}

// settingsNow shows what is set.
func (d *Door) settingsNow(ctx context.Context, v visit, first string) (screen.Screen, error) {
	s, err := d.Directory.Setting(ctx, v.Person.ID)
	if err != nil {
		return screen.Screen{}, err
	}
	var out screen.Screen
	if first != "" {
		out.Lines = append(out.Lines, screen.Plain(first), "")
	}
	language := v.Lang.Name()
	if v.Person.Follows {
		language = v.t("settings.as_telegram", map[string]any{"Language": language})
	}
	quiet := v.t("settings.quiet_off", nil)
	if (s.Quiet != people.Quiet{}) {
		quiet = span(s.Quiet)
	}
	row := func(key, value string) string {
		return screen.Plain(v.t(key, nil)+": ") + screen.Bold(value)
	}
	out.Lines = append(
		out.Lines, screen.Bold(v.t("settings.title", nil)), "", row("settings.language", language),
		row("settings.zone", fmt.Sprintf("%s (%s)", v.Zone, d.Now().In(v.Zone).Format("15:04"))), row("settings.quiet", quiet),
		row("settings.digest", v.digestSet(s.Digest)), "", screen.Plain(v.t("settings.quiet_note", nil)),
	)
	out.Rows = [][]telegram.Button{
		{v.button("🌐 "+v.t("settings.language", nil), "set", "lang")},
		{v.button("🕑 "+v.t("settings.zone", nil), "set", "zone")},
		{v.button("🔕 "+v.t("settings.quiet", nil), "set", "quiet")},
		{v.button("📬 "+v.t("settings.digest", nil), "set", "digest")},
	}
	return out, nil
}

func span(q people.Quiet) string {
	clock := func(minute int) string { return fmt.Sprintf("%d:%02d", minute/60, minute%60) }
	return clock(q.From) + " – " + clock(q.To)
}

func (d *Door) chooseLanguage(v visit) screen.Screen {
	out := screen.Screen{Lines: []string{screen.Bold(v.t("settings.language", nil))}}
	for _, tag := range d.Texts.Languages() {
		out.Rows = append(out.Rows, []telegram.Button{v.button(d.Texts.For(tag).Name(), "set", "lang", tag)})
	}
	follow := v.t("settings.follow", nil)
	out.Rows = append(out.Rows, []telegram.Button{v.button(follow, "set", "lang", "tg")}, v.settingsBack())
	return out
}

func (v visit) chooseRegion() screen.Screen {
	out := screen.Screen{Lines: []string{screen.Bold(v.t("settings.zone", nil)), screen.Plain(v.t("settings.zone_hint", nil))}}
	for pair := range slices.Chunk(regions(), 2) {
		var row []telegram.Button
		for _, r := range pair {
			row = append(row, v.button(r, "set", "zone", r))
		}
		out.Rows = append(out.Rows, row)
	}
	out.Rows = append(out.Rows, []telegram.Button{v.button(v.t("settings.zone_house", nil), "set", "at", "")}, v.settingsBack())
	return out
}

func (v visit) chooseZone(names []string) screen.Screen {
	out := screen.Screen{Lines: []string{screen.Bold(v.t("settings.zone", nil)), screen.Plain(v.t("settings.zone_hint", nil))}}
	for pair := range slices.Chunk(names, 2) {
		var row []telegram.Button
		for _, name := range pair {
			_, city, _ := strings.Cut(name, "/")
			if city == "" {
				city = name
			}
			row = append(row, v.button(strings.ReplaceAll(city, "_", " "), "set", "at", name))
		}
		out.Rows = append(out.Rows, row)
	}
	out.Rows = append(out.Rows, v.settingsBack())
	return out
}

func (v visit) chooseQuiet() screen.Screen {
	out := screen.Screen{Lines: []string{screen.Bold(v.t("settings.quiet", nil)), screen.Plain(v.t("settings.quiet_hint", nil))}}
	for _, q := range []people.Quiet{{From: 18 * 60, To: 9 * 60}, {From: 20 * 60, To: 8 * 60}, {From: 22 * 60, To: 7 * 60}} {
		from, to := strconv.Itoa(q.From/60), strconv.Itoa(q.To/60)
		out.Rows = append(out.Rows, []telegram.Button{v.button(span(q), "set", "quiet", from+"-"+to)})
	}
	out.Rows = append(out.Rows, []telegram.Button{v.button(v.t("settings.quiet_off", nil), "set", "quiet", "off")}, v.settingsBack())
	return out
}

func (v visit) settingsBack() []telegram.Button {
	return []telegram.Button{v.button("← "+v.t("settings.title", nil), "set")}
}
