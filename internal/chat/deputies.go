package chat

import (
	"context"

	"countersign/internal/directory"
	"countersign/internal/notice"
	"countersign/internal/people"
	"countersign/internal/telegram"
)

// TellDeputies hands on to the outbox what deputies do not know of yet. That they were told
// is of one commit with it.
func (d *Door) TellDeputies(ctx context.Context) error {
	defer d.Notices.Bell.Ring()
	for {
		dir, err := d.Directory.Snapshot(ctx)
		if err != nil {
			return err
		}
		more, err := d.Directory.TellNext(ctx, func(tx directory.Tx, g directory.Given) error {
			_, err := d.Notices.Add(ctx, tx, d.deputyNotice(dir, g))
			return err
		})
		if err != nil || !more {
			return err
		}
	}
}

// deputyNotice tells a deputy for whom he may decide, or no longer may, by his language and
// his clock.
func (d *Door) deputyNotice(dir people.Directory, g directory.Given) notice.New {
	from, _ := dir.Person(g.Principal)
	to, _ := dir.Person(g.Deputy)
	v := d.visit(to, telegram.User{ID: to.Telegram})
	key := "away.told"
	if !g.Ended.IsZero() {
		key = "away.told_end"
	}
	text := v.t(key, map[string]any{
		"Name": short(from.Name), "From": v.Lang.DateTime(g.From, v.Zone), "Until": v.Lang.Until(g.Until, v.Zone), "Delegation": int64(g.ID),
	})
	if bounds := v.bounds(g.Scope); bounds != "" && g.Ended.IsZero() {
		text += "\n" + bounds
	}
	return notice.New{Class: notice.Info, To: notice.To{People: []people.ID{to.ID}}, Body: notice.Body{Text: text}}
}
