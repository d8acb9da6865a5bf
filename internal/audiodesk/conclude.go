package audiodesk

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"countersign/internal/ident"
	"countersign/internal/ledger"
)

// deserted is how long the room of a case stands empty until it is closed.
const deserted = 5 * time.Minute

func (d *Desk) deserted() time.Duration { return cmp.Or(d.empty, deserted) }

// Conclude closes the rooms of cases that are decided, and those that stood empty, and notes
// under each document that the talk is over. Each step is found out from what is stored, so
// whoever dies leaves the rest to the next look.
func (d *Desk) Conclude(ctx context.Context) error {
	open, err := d.Store.talks(ctx, d.deserted())
	faults := []error{err}
	for _, t := range open {
		faults = append(faults, d.conclude(ctx, t))
	}
	over, err := d.Store.unnoted(ctx)
	faults = append(faults, err)
	for _, t := range over {
		faults = append(faults, d.noteEnd(ctx, t))
	}
	return errors.Join(faults...)
}

func (d *Desk) conclude(ctx context.Context, t talk) error {
	if !t.empty {
		st, err := d.Ledger.Case(ctx, t.about)
		if err != nil && !errors.Is(err, ledger.ErrNotFound) {
			return err
		}
		if err == nil && st.Case.State.Open() {
			return nil
		}
	}
	shut, err := d.Store.shut(ctx, t, d.deserted())
	if err != nil || !shut {
		return err
	}
	d.Log.InfoContext(ctx, "the room of a document is closed", slog.String("room", t.ID), slog.Bool("empty", t.empty))
	if !t.empty && d.On() {
		if err := d.vacate(ctx, t.Room); err != nil { // whoever looks next has them hang up
			d.Log.WarnContext(ctx, "a closed room is not empty yet", slog.String("room", t.ID), slog.Any("error", err))
		}
	}
	d.Bell.Ring()
	return nil
}

// noteEnd puts a line under the document, once, whoever closed the room.
func (d *Desk) noteEnd(ctx context.Context, t past) error {
	id, err := ident.New("com")
	if err != nil {
		return err
	}
	lang := d.lang(d.GroupLang)
	text := lang.T("audio.discuss.unheld", nil)
	if t.people > 1 {
		text = lang.N("audio.discuss.over", t.people, map[string]any{"Time": lang.Duration(t.took)})
	}
	err = d.Ledger.Note(ctx, ledger.Talk{Case: t.about, ID: id, Text: text, Origin: "audio/" + t.room + "/over"}, noted(t.room))
	if errors.Is(err, ledger.ErrNotFound) { // there is nothing to put it under
		return d.Store.noted(ctx, t.room)
	}
	return err
}
