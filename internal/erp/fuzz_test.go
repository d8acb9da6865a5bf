package erp_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"countersign/internal/erp"
	"countersign/internal/file"
	"countersign/internal/locale/localetest"
	"countersign/internal/markup"
)

func FuzzReadDocument(f *testing.F) {
	for _, seed := range []string{
		rent, "\ufeff" + rent, `{}`, `[]`, `{"amount":1e309}`, `{"type":"a","requester":"b","amount":"1","currency":"RUB","lenient":true,"due_date":"01.02.2026"}`,
		`{"files":[{"name":"../x","content_base64":"QQ=="}]}`, `{"lines":[{"amount":"-0.00"}],"currency":"JPY"}`, `{"fields":{"a":1,"b":true,"c":"\u202e"}}`, `{"a":1,"a":2}`,
		`{"type":"a","requester":"b","amount":"1","currency":"RUB","payee":{"name":"क़\u200d😀\ufe0f","account":"\u0600𝟘4","tax_id":"\ufeff","bank_id":"\u3164"}}`,
		`{"type":"a","requester":"b","amount":"1","currency":"RUB","payee":{"name":"` + strings.Repeat("क़", 250) + `","account":"` + strings.Repeat("𝟘", 75) + `"}}`,
	} {
		f.Add([]byte(seed))
	}
	lang := localetest.Texts(f).For("en")
	f.Fuzz(func(t *testing.T, body []byte) {
		doc, notes, err := erp.ReadDocument(body)
		if err != nil {
			p := erp.ProblemOf(err, lang)
			if p.Status != http.StatusBadRequest && p.Status != http.StatusUnprocessableEntity && p.Status != http.StatusRequestEntityTooLarge {
				t.Fatalf("told as %d: %v", p.Status, err)
			}
			text, broken := json.Marshal(p)
			if broken != nil || !utf8.Valid(text) {
				t.Fatalf("the problem cannot be told: %v", broken)
			}
			return
		}
		if doc.Type == "" || doc.Requester == "" || doc.Amount.Valid() != nil || len(doc.Lines) > 500 || len(doc.Fields) > 200 || len(doc.Files) > 50 {
			t.Fatalf("taken: %+v", doc)
		}
		text, broken := json.Marshal(doc)
		if broken != nil || len(text) > 1<<20 || strings.ContainsAny(string(text), "\x00\u202e") || strings.Contains(string(text), `\u0000`) {
			t.Fatalf("cannot be stored: %v %s", broken, text)
		}
		for _, f := range doc.Files {
			if !file.IsDigest(f.SHA256) || f.Name == "" || strings.ContainsAny(f.Name, `/\`) {
				t.Fatalf("file %+v", f)
			}
		}
		if to := doc.Payee; !fits(to.Name, 500) || !fits(to.Account, 150) || !fits(to.TaxID, 100) || !fits(to.BankID, 100) {
			t.Fatalf("a card cannot show %+q", to)
		}
		for _, id := range []string{doc.Payee.Account, doc.Payee.TaxID, doc.Payee.BankID} {
			if markup.Clean(id) != norm.NFC.String(id) {
				t.Fatalf("a card shows %+q as %+q", id, markup.Clean(id))
			}
		}
		again, more, err := erp.ReadDocument(body)
		if err != nil || again.Hash() != doc.Hash() || len(more) != len(notes) {
			t.Fatalf("read twice: %v, %s and %s", err, again.Hash(), doc.Hash())
		}
	})
}

// fits reports whether a card shows a text, and whole.
func fits(text string, units int) bool {
	shown := markup.Clean(text)
	return markup.Len16(shown) <= units && (text == "" || strings.TrimSpace(shown) != "")
}

func TestADocumentAsToldCanBeSentAgain(t *testing.T) {
	t.Parallel()
	b := common(t)
	b.put(t, "REQ", withFiles(t, announced("a.txt", "a")))
	state := b.get(t, b.path("REQ"))
	document := state.json(t)["document"].(map[string]any)
	for _, f := range document["files"].([]any) {
		delete(f.(map[string]any), "missing") // what the gateway knows of it
	}
	body, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	if out := b.put(t, "REQ", string(body)); out.at(t, "change") != "unchanged" {
		t.Errorf("%s", out.body)
	}
}
