package erp

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"countersign/internal/document"
	"countersign/internal/file"
)

// The most that a document may have.
const (
	mostLines  = 500
	mostFields = 200
	mostFiles  = 50
	// mostRevision leaves room for the states that are counted after it here.
	mostRevision = 2_000_000_000
	// mostStored is what the ledger keeps of one revision, in bytes.
	mostStored = 1 << 20
)

// Where the money goes must be on every card whole, in UTF-16 units. What a card would
// have to cut nobody could approve, so it is refused at once; a test draws the longest.
const (
	wholePayee   = 500
	wholeAccount = 150
	wholeID      = 100
)

// posted is a document as it was read.
type posted struct {
	document document.Document
	revision int      // 0: none was named
	contents [][]byte // of files that came with it, by their place; nil where not
	taken    notes    // values in another form than they came
}

// readDocument reads the body of a PUT.
func readDocument(c *call) (posted, error) {
	in := &intake{}
	o, err := in.open(c.body)
	if err != nil {
		return posted{}, err
	}
	p := in.document(o)
	o.done()
	if c.name != "" {
		if !in.lenient {
			return posted{}, errMediaType()
		}
		in.taken.put("", c.name, "utf-8")
	}
	p.taken = in.taken
	if err := in.err("invalid_document"); err != nil {
		return posted{}, err
	}
	return p, fits(p.document, len(c.body))
}

// fits refuses a document that would not fit into its row.
func fits(d document.Document, sent int) error {
	if sent < mostStored/8 { // escaping makes a byte six at most
		return nil
	}
	text, err := json.Marshal(d)
	if err == nil && len(text) > mostStored {
		err = &problemError{status: http.StatusRequestEntityTooLarge, code: "too_large"}
	}
	return err
}

// document reads the members of a document.
func (in *intake) document(o *object) posted {
	in.lenient = o.truth("lenient")
	revision, _ := o.whole("revision", 1, mostRevision)
	p := posted{revision: int(revision)}
	d := &p.document
	d.Type = o.text("type", word().must())
	d.Number = o.text("number", free(100))
	d.Title = o.text("title", free(500))
	d.Company = o.text("company", name(100))
	d.Requester = o.text("requester", name(200).must())
	d.OnBehalfOf = o.text("on_behalf_of", name(200))
	d.LastEditor = o.text("last_editor", name(200))
	currency := o.text("currency", rule{most: 3, required: true})
	d.Amount = o.amount(currency, sumOfDocument)
	d.DueDate = o.date("due_date")
	d.Payee = o.inner("payee").payee()
	d.Contract = o.text("contract", free(200))
	d.CostCenter = o.text("cost_center", name(100))
	d.URL = o.link("url")
	d.Fields = o.fields("fields")
	o.objects("lines", mostLines, func(l *object) { d.Lines = append(d.Lines, l.line(len(d.Lines)+1, currency)) })
	room := InlineLimit
	o.objects("files", mostFiles, func(f *object) {
		one, content := f.file(&room)
		d.Files, p.contents = append(d.Files, one), append(p.contents, content)
	})
	return p
}

func (o *object) payee() document.Payee {
	p := document.Payee{
		Name:    o.text("name", free(wholePayee).whole()),
		TaxID:   o.text("tax_id", name(wholeID).whole()),
		Account: o.text("account", name(wholeAccount).whole()),
		BankID:  o.text("bank_id", name(wholeID).whole()),
		Person:  o.text("person", name(wholeID).whole()),
	}
	o.done()
	return p
}

func (o *object) line(place int, currency string) document.Line {
	l := document.Line{No: place, Text: o.text("text", free(1000)), CostCenter: o.text("cost_center", name(100))}
	if n, ok := o.whole("no", 0, 1_000_000); ok {
		l.No = int(n)
	}
	l.Amount = o.amount(currency, sumOfLine)
	return l
}

// link reads an address that people may click.
func (o *object) link(field string) string {
	text := o.text(field, name(2000))
	if text == "" {
		return ""
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil {
		o.fault(field, "bad_address")
		return ""
	}
	return text
}

// fields reads what the ERP wants seen besides: names with texts. Scalars are taken as
// they are written.
func (o *object) fields(field string) map[string]string {
	inner := o.inner(field)
	if len(inner.members) == 0 {
		return nil
	}
	if len(inner.members) > mostFields {
		o.fault(field, "too_many")
		return nil
	}
	out := make(map[string]string, len(inner.members))
	for _, m := range inner.members {
		key, v := m.name, m.value
		if taken, code := name(100).apply(key); code != "" || taken == "" {
			o.in.found.add(inner.at(shown(key)), "bad_characters", "")
			continue
		}
		switch v.Kind() {
		case '"':
			out[key] = inner.text(key, prose(2000))
		case '{', '[':
			inner.fault(key, "wrong_type")
		case 'n': // the same as none
		default:
			out[key] = scalar(v)
		}
	}
	return out
}

// scalar is a number or a boolean as it was written, cut to what a number can be.
func scalar(v jsontext.Value) string {
	const most = 100
	return string(v[:min(len(v), most)])
}

// file reads an attachment, and its content where it came with it. Room is what all
// contents together may still have.
func (o *object) file(room *int) (document.File, []byte) {
	if upload := o.text("upload", name(20)); upload != "" && upload != "pending" {
		o.fault("upload", "invalid_field")
	}
	return o.attached(room)
}

// attached reads a file by its name and its content, or the digest of that.
func (o *object) attached(room *int) (document.File, []byte) {
	f := document.File{Name: o.fileName()}
	f.SHA256 = strings.ToLower(o.text("sha256", name(64)))
	if f.SHA256 != "" && !file.IsDigest(f.SHA256) {
		o.fault("sha256", "invalid_field")
	}
	content := o.content(room)
	switch {
	case content != nil:
		digest := digestHex(content)
		if f.SHA256 != "" && f.SHA256 != digest {
			o.fault("sha256", "digest_mismatch")
		}
		f.SHA256 = digest
	case f.SHA256 == "" && o.fine("sha256") && o.fine("content_base64"):
		o.fault("sha256", "missing_field")
	}
	return f, content
}

func (o *object) fileName() string {
	v, ok := o.value("name")
	switch {
	case !ok:
		o.fault("name", "missing_field")
		return ""
	case v.Kind() != '"':
		o.fault("name", "wrong_type")
		return ""
	}
	sent := unquote(v)
	safe := safeName(sent)
	if safe != sent {
		o.note("name", sent, safe)
	}
	return safe
}

// content reads base64, with the line breaks that some ERPs put in.
func (o *object) content(room *int) []byte {
	v, ok := o.value("content_base64")
	if !ok {
		return nil
	}
	if v.Kind() != '"' {
		o.fault("content_base64", "wrong_type")
		return nil
	}
	content, err := base64.StdEncoding.DecodeString(unquote(v))
	switch {
	case err != nil:
		o.fault("content_base64", "invalid_field")
		return nil
	case len(content) == 0:
		o.fault("content_base64", "empty_file")
		return nil
	}
	if *room -= len(content); *room < 0 {
		o.fault("content_base64", "too_large")
	}
	return content
}

// checkExternalID refuses a name of a document that could not be found again.
func checkExternalID(id string) error {
	r := name(200)
	taken, code := r.apply(id)
	switch {
	case code == "" && taken != "" && utf8.ValidString(id):
		return nil
	case code == "":
		code = "bad_characters"
	}
	p := &problemError{status: http.StatusUnprocessableEntity, code: "invalid_field"}
	p.faults.add("external_id", code, r.hint(code))
	return p
}

// etag is the revision of a document as a header.
func etag(revision int) string { return strconv.Quote(strconv.Itoa(revision)) }

// ifMatch reads the header If-Match: one revision, or * for any that is there.
func ifMatch(text string) (int, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(strings.Trim(strings.TrimPrefix(text, "W/"), `"`))
	if err != nil || n < 1 {
		return 0, &problemError{status: http.StatusBadRequest, code: "invalid_header", hint: `If-Match: "3"`, cause: err}
	}
	return n, nil
}
