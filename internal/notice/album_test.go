package notice_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"countersign/internal/ledger/ledgertest"
	"countersign/internal/notice"
	"countersign/internal/telegram/telegramtest"
)

// statement is a notice with files.
func (o *office) statement(t *testing.T, files int, to ...string) notice.New {
	t.Helper()
	n := line("Statement", chats(to...))
	n.Source = ledgertest.Source
	for i := range files {
		meta, err := o.Files.Put(t.Context(), ledgertest.Source, "", strings.NewReader(fmt.Sprintf("%%PDF-1.4 %d", i)))
		must(t, err)
		n.Body.Files = append(n.Body.Files, notice.File{SHA256: meta.SHA256, Name: fmt.Sprintf("Выписка %d.pdf", i), Size: meta.Size})
	}
	return n
}

// documents are the files that a chat got, by name.
func (o *office) documents(chat int64) map[string]int {
	out := map[string]int{}
	for _, m := range o.tg.Messages(chat) {
		if m.Document != nil {
			out[m.Document.Name]++
		}
	}
	return out
}

func TestFilesOfANoticeComeAsOneAlbum(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	id := o.add(t, o.statement(t, 10, "Sales", "Operations"))
	o.once(t)
	o.once(t)
	for _, chat := range []int64{sales, operations} {
		m := o.tg.Messages(chat)
		if len(m) != 11 {
			t.Fatalf("%d messages", len(m))
		}
		for i, f := range m[1:] {
			if f.ReplyTo != m[0].ID || f.Album == "" || f.Album != m[1].Album || f.Text != fmt.Sprintf("Выписка %d.pdf", i) || f.Document.Name != f.Text {
				t.Errorf("%+v", f)
			}
		}
	}
	if a, b := len(o.tg.CallsOf("sendMediaGroup")), len(o.tg.CallsOf("sendDocument")); a != 2 || b != 0 {
		t.Errorf("%d albums and %d single files for 20 files", a, b)
	}
	told, err := o.board.Store.Told(t.Context(), ledgertest.Source, id)
	must(t, err)
	if slices.ContainsFunc(told.To, func(r notice.Reached) bool { return r.FilesSent != 10 }) || o.once(t) != 0 {
		t.Errorf("%+v", told.To)
	}
}

func TestAlbumOfANoticeThatIsRefusedOrLostComesFileByFile(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault           telegramtest.Fault
		albums, singles int
		copies          int
		why             notice.Why
	}{
		"group send failed": {telegramtest.Refuse(400, "Bad Request: group send failed"), 1, 3, 1, ""},
		"some may be there": {telegramtest.Refuse(400, `Bad Request: failed to send message #2 with the error message "x"`), 1, 3, 1, ""},
		"answer lost":       {telegramtest.Lose(), 1, 3, 2, ""},
		"flood":             {telegramtest.TooMany(1), 2, 0, 1, ""},
		"kicked":            {telegramtest.Refuse(403, "Forbidden: bot was kicked from the supergroup chat"), 1, 0, 0, notice.Unreachable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			id := o.add(t, o.statement(t, 3, "Sales"))
			o.once(t)
			o.tg.FailNext("sendMediaGroup", c.fault)
			_, _ = o.board.RunOnce(t.Context()) // says what went wrong, or nothing
			_, err := o.Pool.Exec(t.Context(), "update pace set held_until = now()")
			must(t, err)
			o.soon(t)
			o.once(t)
			got := o.documents(sales)
			for i := range 3 {
				if got[fmt.Sprintf("Выписка %d.pdf", i)] != c.copies {
					t.Errorf("%v, want each %d times", got, c.copies)
				}
			}
			if a, b := len(o.tg.CallsOf("sendMediaGroup")), len(o.tg.CallsOf("sendDocument")); a != c.albums || b != c.singles {
				t.Errorf("%d albums, %d single files", a, b)
			}
			told, err := o.board.Store.Told(t.Context(), ledgertest.Source, id)
			must(t, err)
			if r := told.To[0]; r.State != notice.Sent || c.why == "" && r.FilesSent != 3 || c.why != "" && !slices.Equal(r.FilesLost, []notice.Why{c.why, c.why, c.why}) {
				t.Errorf("%+v", r)
			}
		})
	}
}
