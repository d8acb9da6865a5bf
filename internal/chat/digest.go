package chat

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"countersign/internal/calendar"
	"countersign/internal/directory"
	"countersign/internal/ledger"
	"countersign/internal/notice"
	"countersign/internal/people"
	"countersign/internal/screen"
	"countersign/internal/telegram"
)

const (
	digestLate  = 6 * time.Hour // a digest that was missed for longer is none
	digestLines = 5
	hoursInRow  = 6
)

// Digests tells everybody who wants it once a day what waits for him, at his hour. The note
// that he was told is of one commit with the message; it may run in many places at once.
func (d *Door) Digests(ctx context.Context) error {
	wanted, err := d.Directory.Subscribers(ctx)
	if err != nil {
		return err
	}
	dir, err := d.Directory.Snapshot(ctx)
	if err != nil {
		return err
	}
	now := d.Now().UTC().Truncate(time.Microsecond)
	var failed []error
	for _, sub := range wanted {
		p, _ := dir.Person(sub.Person)
		day := calendar.Daily{Hour: sub.Hour, Since: sub.Since, Done: sub.Done, Late: digestLate}
		if p.Active && p.Linked() && day.Due(now.In(d.zone(p))) {
			failed = append(failed, d.digest(ctx, p, sub, now))
		}
	}
	return errors.Join(failed...)
}

// digest tells one person. Who is waited for by nothing hears nothing, and that was his day.
func (d *Door) digest(ctx context.Context, p people.Person, sub directory.Subscriber, now time.Time) error {
	h, err := d.Ledger.Waits(ctx, p.ID)
	if err != nil {
		return err
	}
	var body notice.Body
	if h.Count > 0 {
		if body, err = d.digestBody(ctx, d.visit(p, telegram.User{ID: p.Telegram}), h); err != nil {
			return err
		}
	}
	told, err := d.Directory.Digested(ctx, sub, now, func(tx directory.Tx) error {
		if h.Count == 0 {
			return nil
		}
		_, err := d.Notices.Add(ctx, tx, notice.New{
			Class: notice.Info, To: notice.To{People: []people.ID{p.ID}}, Body: body, Life: digestLate,
		})
		return err
	})
	if told {
		d.Notices.Bell.Ring()
	}
	return err
}

// digestBody says how much waits, for how long and for how much money, and shows the first.
func (d *Door) digestBody(ctx context.Context, v visit, h ledger.Heap) (notice.Body, error) {
	l := fresh(ledger.ForHim)
	found, err := d.Ledger.List(ctx, ledger.List{Person: v.Person.ID, Pile: l.pile, Order: l.order, Limit: digestLines})
	if err != nil {
		return notice.Body{}, err
	}
	var sums []string
	for _, sum := range h.Sums {
		sums = append(sums, v.Lang.Money(sum))
	}
	lines := []string{v.t("digest.oldest", map[string]any{"Age": v.Lang.Duration(d.Now().Sub(h.Oldest))})}
	if len(sums) > 0 {
		lines = append(lines, v.t("digest.sum", map[string]any{"Sums": strings.Join(sums, " · ")}))
	}
	lines = append(lines, "")
	var row []notice.Button
	for i, item := range found.Items {
		no := strconv.Itoa(i + 1)
		lines = append(lines, no+". "+d.queueLine(v, l, item))
		row = append(row, notice.Button{Text: no, Data: findCase + string(item.Case.ID)})
	}
	all := v.button(v.t("digest.all", nil), l.parts("p")...)
	return notice.Body{
		Title: v.Lang.N("queue.header", h.Count, nil), Text: strings.TrimSpace(strings.Join(lines, "\n")),
		Buttons: [][]notice.Button{row, {{Text: all.Text, Data: all.Data}}},
	}, nil
}

// digestTap is a choice in the settings: an hour, or none.
func (d *Door) digestTap(ctx context.Context, v visit, value string) (screen.Screen, error) {
	hour, err := strconv.Atoi(value)
	switch {
	case value == "off":
		return d.set(ctx, v, func(s *directory.Setting) { s.Digest = directory.Digest{} })
	case err == nil && hour >= 0 && hour < 24:
		return d.set(ctx, v, func(s *directory.Setting) { s.Digest = directory.Digest{On: true, Hour: hour} })
	}
	out := screen.Screen{Lines: []string{screen.Bold(v.t("settings.digest", nil)), screen.Plain(v.t("settings.digest_hint", nil))}}
	var all []telegram.Button
	for hour := range 24 {
		all = append(all, v.button(hourText(hour), "set", "digest", strconv.Itoa(hour)))
	}
	out.Rows = slices.AppendSeq(out.Rows, slices.Chunk(all, hoursInRow))
	out.Rows = append(out.Rows, []telegram.Button{v.button(v.t("settings.digest_off", nil), "set", "digest", "off")}, v.settingsBack())
	return out, nil
}

// digestSet says what is set.
func (v visit) digestSet(s directory.Digest) string {
	if !s.On {
		return v.t("settings.digest_off", nil)
	}
	return hourText(s.Hour)
}

func hourText(hour int) string { return fmt.Sprintf("%d:00", hour) }
