package courier_test

import (
	"fmt"
	"strings"
	"testing"

	"countersign/internal/document"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/telegram/telegramtest"
)

// attachments are files of a document, here.
func (o *office) attachments(t *testing.T, id string, n int) []document.File {
	t.Helper()
	var out []document.File
	for i := range n {
		meta, err := o.Files.Put(t.Context(), ledgertest.Source, "", strings.NewReader(fmt.Sprintf("%s %s %d", invoice, id, i)))
		must(t, err)
		out = append(out, document.File{Name: fmt.Sprintf("Счёт %d.pdf", i), SHA256: meta.SHA256, Size: meta.Size})
	}
	return out
}

// files are the messages with files in a chat, the oldest first.
func (o *office) files(chat int64) []telegramtest.Message {
	var out []telegramtest.Message
	for _, m := range o.tg.Messages(chat) {
		if m.Document != nil && !m.Deleted {
			out = append(out, m)
		}
	}
	return out
}

func TestFilesOfACaseComeAsAlbumsUnderEachCard(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.bind(t, group, 0)
	st := o.pay(t, "51", 12_500_000, o.attachments(t, "51", 12)...)
	o.calm(t)
	o.shows(t, st.Case.ID, 1)
	chats := 0
	for _, chat := range []int64{group, ledgertest.Budget} {
		all := o.files(chat)
		if len(all) != 12 {
			t.Fatalf("%d has %d files", chat, len(all))
		}
		chats++
		for i, m := range all {
			if m.ReplyTo == 0 || m.ReplyTo != all[0].ReplyTo || m.Album == "" || (m.Album == all[0].Album) != (i < 10) || m.Document.Name != fmt.Sprintf("Счёт %d.pdf", i) || !strings.Contains(m.Text, "51") || !m.Silent {
				t.Errorf("%d: %+v", chat, m)
			}
		}
	}
	albums, uploads := o.tg.CallsOf("sendMediaGroup"), 0
	for _, c := range albums {
		for name := range c.Params {
			if strings.HasPrefix(name, "file") {
				uploads++
			}
		}
	}
	if len(albums) != 2*chats || len(o.tg.CallsOf("sendDocument")) != 0 || uploads != 12 {
		t.Errorf("%d albums and %d single files for %d chats with 12 files, %d uploads", len(albums), len(o.tg.CallsOf("sendDocument")), chats, uploads)
	}
	// One that follows goes alone; one that is gone is said to be, on its own message.
	files := append(o.attachments(t, "51", 11), o.attachments(t, "52", 1)...)
	o.revise(t, "51", func(d *document.Document) { d.Files = files })
	o.calm(t)
	o.shows(t, st.Case.ID, 1)
	if len(o.tg.CallsOf("sendDocument")) != chats || len(o.tg.CallsOf("sendMediaGroup")) != 2*chats {
		t.Errorf("%d single files, %d albums", len(o.tg.CallsOf("sendDocument")), len(o.tg.CallsOf("sendMediaGroup")))
	}
}

func TestAlbumThatIsRefusedOrLostComesFileByFile(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault  telegramtest.Fault
		albums int // asked for
		copies int
	}{
		"group send failed": {telegramtest.Refuse(400, "Bad Request: group send failed"), 1, 1},
		"a file":            {telegramtest.Refuse(400, "Bad Request: wrong file identifier/HTTP URL specified"), 1, 1},
		"some may be there": {telegramtest.Refuse(400, `Bad Request: failed to send message #2 with the error message "x"`), 1, 1},
		"answer lost":       {telegramtest.Lose(), 1, 2},
		"flood":             {telegramtest.TooMany(1), 2, 1},
		"kicked, and back":  {telegramtest.Refuse(403, "Forbidden: bot was blocked by the user"), 2, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			o.tg.FailNext("sendMediaGroup", c.fault)
			st := o.pay(t, "61", 12_500_000, o.attachments(t, "61", 4)...)
			o.calm(t)
			if name == "kicked, and back" {
				for _, r := range o.rows(t, st.Case.ID) {
					if strings.HasPrefix(r.Spot, "file/") && !strings.Contains(r.Fault, "blocked") {
						t.Errorf("%+v", r)
					}
				}
				must(t, o.courier.Reached(t.Context(), ledgertest.Budget))
				o.calm(t)
			}
			names := map[string]int{}
			for _, m := range o.files(ledgertest.Budget) {
				names[m.Document.Name]++
			}
			for i := range 4 {
				if got := names[fmt.Sprintf("Счёт %d.pdf", i)]; got != c.copies {
					t.Errorf("file %d is there %d times, want %d", i, got, c.copies)
				}
			}
			singles := map[int]int{1: 4, 2: 0}[c.albums]
			if len(o.tg.CallsOf("sendMediaGroup")) != c.albums || len(o.tg.CallsOf("sendDocument")) != singles {
				t.Errorf("%d albums, %d single files", len(o.tg.CallsOf("sendMediaGroup")), len(o.tg.CallsOf("sendDocument")))
			}
			o.shows(t, st.Case.ID, 1)
		})
	}
}

func TestTwoCouriersSendAnAlbumOnce(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.bind(t, group, 0)
	st := o.pay(t, "71", 12_500_000, o.attachments(t, "71", 6)...)
	o.calm(t, o.courier, o.replica(t))
	o.shows(t, st.Case.ID, 1)
	if a, b := len(o.files(group)), len(o.files(ledgertest.Budget)); a != 6 || b != 6 {
		t.Errorf("%d and %d files", a, b)
	}
}
