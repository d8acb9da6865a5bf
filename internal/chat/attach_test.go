package chat_test

import (
	"bytes"
	"image"
	"image/jpeg"
	"slices"
	"strings"
	"testing"

	"countersign/internal/ledger/ledgertest"
	"countersign/internal/telegram/telegramtest"
)

const pdf = "%PDF-1.4 an act of acceptance"

func picture(t *testing.T, wide int) []byte {
	t.Helper()
	var b bytes.Buffer
	must(t, jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, wide, 10)), nil))
	return b.Bytes()
}

// sends replies with a file to the budget holder's card.
func (o *office) sends(t *testing.T, said telegramtest.Said) int64 {
	t.Helper()
	said.UserID, said.ChatID = ledgertest.Budget, ledgertest.Budget
	id, err := o.tg.Post(said)
	must(t, err)
	return id
}

// files lists the files of a chat that the bot sent.
func (o *office) files(chatID int64) []string {
	var out []string
	for _, m := range o.tg.Messages(chatID) {
		if m.Document != nil && m.From == o.tg.BotID() {
			out = append(out, m.Document.Name)
		}
	}
	slices.Sort(out)
	return out
}

func TestAFileInReplyToACardIsTheDocumentsFromThenOn(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	st := o.Post(t, "4711")
	card := o.card(t, ledgertest.Budget)
	o.tap(t, ledgertest.Budget, card, "✅")
	asked := o.card(t, ledgertest.Finance)
	id := o.sends(t, telegramtest.Said{ReplyTo: card.ID, FileName: "..\\a/Акт\u202efdp.pdf", File: []byte(pdf), Text: "the act"})
	o.marked(t, ledgertest.Budget, id)
	o.wait(t, func() bool { return len(o.files(groupID)) == 1 && len(o.files(ledgertest.Finance)) == 1 })
	for _, chat := range []int64{groupID, ledgertest.Finance} {
		i := slices.IndexFunc(o.tg.Messages(chat), func(m telegramtest.Message) bool { return m.Document != nil })
		m := o.tg.Messages(chat)[i]
		if content, _ := o.tg.FileBytes(m.Document.FileID); string(content) != pdf || m.Document.Name != "Актfdp.pdf" || !strings.Contains(m.Text, "Pyotr Petrov") {
			t.Errorf("chat %d has %+v: %s", chat, m.Document, m.Text)
		}
		if chat == ledgertest.Finance && m.ReplyTo != asked.ID {
			t.Errorf("it hangs under %d", m.ReplyTo)
		}
	}
	if got := o.files(ledgertest.Budget); len(got) != 0 {
		t.Errorf("who sent it gets it back: %v", got)
	}
	now, err := o.Document(t.Context(), ledgertest.Key("4711"))
	if must(t, err); now.Hash != st.Hash || now.Case.Round != 1 || now.Case.Step != 1 {
		t.Errorf("the file moved the case: %+v", now.Case)
	}
	o.sees(t, ledgertest.Finance, "📎 Pyotr Petrov", "Актfdp.pdf — the act")
}

func TestAnAlbumIsSeveralFilesEachOnce(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.Post(t, "4711")
	card := o.card(t, ledgertest.Budget)
	for wide := range 3 {
		id := o.sends(t, telegramtest.Said{ReplyTo: card.ID, File: picture(t, 10+wide), Photo: true, Album: "77"})
		o.marked(t, ledgertest.Budget, id)
	}
	o.wait(t, func() bool { return len(o.files(groupID)) == 3 })
	if n := o.count(t, `select count(distinct sha256) from attachment`); n != 3 || len(o.thread(t, "4711")) != 3 {
		t.Errorf("%d contents, said %q", n, o.thread(t, "4711"))
	}
}

// TestAFileMeetsAFaultAtEachStepAndIsThereOnce: the way to the file, the store of files, and
// the ledger fail in turn; the update is done again, and nothing is doubled.
func TestAFileMeetsAFaultAtEachStepAndIsThereOnce(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.Post(t, "4711")
	card := o.card(t, ledgertest.Budget)
	o.own(t, `create sequence broken`, `grant usage, select on sequence broken to public`, `create function break_it() returns trigger language plpgsql as $$
		begin
			if nextval('broken') <= 1 then
				raise exception 'broken on purpose' using errcode = 'P0001';
			end if;
			return new;
		end $$`)
	for i, table := range []string{"file_chunk", "file_source", "comment", "attachment", "event"} {
		o.own(t, `alter sequence broken restart`, `create trigger broken before insert on `+table+` for each row execute function break_it()`)
		if i == 0 {
			o.tg.FailNext("getFile", telegramtest.BadGateway())
		}
		id := o.sends(t, telegramtest.Said{ReplyTo: card.ID, FileName: table, File: []byte(pdf + table)})
		o.marked(t, ledgertest.Budget, id)
		o.own(t, `drop trigger broken on `+table)
		if n := len(o.thread(t, "4711")); n != i+1 {
			t.Errorf("after a fault of %s: %q", table, o.thread(t, "4711"))
		}
	}
	if n := o.count(t, `select count(*) from event where kind = 'attachment.added'`); n != 5 {
		t.Errorf("%d events", n)
	}
}

func TestWhatIsNoFileForADocumentIsRefusedInWords(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.Post(t, "4711")
	card := o.card(t, ledgertest.Budget)
	for name, c := range map[string]struct {
		said telegramtest.Said
		want string
	}{
		"a voice message": {telegramtest.Said{Extra: map[string]any{"voice": map[string]any{"file_id": "v", "file_size": 5}}}, "Only documents and photos"},
		"a program":       {telegramtest.Said{FileName: "a.pdf", File: append([]byte("MZ"), make([]byte, 3000)...)}, "no programs"},
		"too large":       {telegramtest.Said{Extra: map[string]any{"document": map[string]any{"file_id": "d", "file_size": 30 << 20}}}, "at most 20 MB"},
		"gone meanwhile":  {telegramtest.Said{Extra: map[string]any{"document": map[string]any{"file_id": "d"}}}, "can no longer be fetched"},
		"a sticker":       {telegramtest.Said{Extra: map[string]any{"sticker": map[string]any{"file_id": "s"}}}, "Only documents and photos"},
		"nothing at all":  {telegramtest.Said{Phone: "+7"}, "Write it as text"},
	} {
		c.said.ReplyTo = card.ID
		id := o.sends(t, c.said)
		o.wait(t, func() bool {
			return slices.ContainsFunc(o.tg.Messages(ledgertest.Budget), func(m telegramtest.Message) bool {
				return m.ReplyTo == id && strings.Contains(m.Text, c.want)
			})
		})
		if got := o.thread(t, "4711"); len(got) != 0 {
			t.Fatalf("%s: %q", name, got)
		}
	}
	if n := o.count(t, `select count(*) from file`); n != 0 {
		t.Errorf("%d files were stored", n)
	}
}

func TestAFileOfSomebodyWhoMayNotSeeTheDocumentIsNotEvenFetched(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.Post(t, "4711")
	data := o.card(t, ledgertest.Budget).Keyboard[0][0].Data
	body := strings.Replace(reply(o, 990001, ledgertest.Treasurer, data, "x"), `"text":"x"`, `"document":{"file_id":"d"}`, 1)
	if _, outcome := o.receive(t, 990001, body); outcome != "refused: talk.unseen" {
		t.Errorf("%q", outcome)
	}
	if calls := o.tg.CallsOf("getFile"); len(calls) != 0 {
		t.Errorf("%d files were asked for", len(calls))
	}
}
