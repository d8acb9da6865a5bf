package erp_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/approval"
	"countersign/internal/erp"
	"countersign/internal/ledger/ledgertest"
)

const invoice = "%PDF-1.7\ninvoice\n"

func withFiles(tb testing.TB, files string) string {
	tb.Helper()
	return replace(tb, rent, `"lines"`, `"files":[`+files+`],"lines"`)
}

func announced(name, content string) string {
	return fmt.Sprintf(`{"name":%q,"sha256":%q,"upload":"pending"}`, name, hexDigest(content))
}

func (b *bench) upload(tb testing.TB, id, digest, content string, headers ...string) response {
	tb.Helper()
	return b.call(tb, request{
		method: "PUT", path: documentPath(id) + "/files/" + digest + "?name=%D0%A1%D1%87%D1%91%D1%82.pdf", body: content,
		headers: append([]string{"Content-Type: application/pdf"}, headers...),
	})
}

func TestAnAnnouncedFileArrives(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	made := b.put(t, "REQ", withFiles(t, announced("invoice.pdf", invoice)+","+announced("act.txt", "act")))
	if diff := cmp.Diff([]any{hexDigest(invoice), hexDigest("act")}, sorted(made.json(t)["case"].(map[string]any)["missing_files"].([]any), hexDigest(invoice))); diff != "" {
		t.Errorf("missing: %s", diff)
	}
	tap := b.Tap(t, "REQ", ledgertest.Budget, approval.Accept)
	if _, err := b.DB.Vote(t.Context(), tap); err == nil {
		t.Error("somebody approved what is not here")
	}
	for range 2 {
		out := b.upload(t, "REQ", hexDigest(invoice), invoice, "Content-Digest: sha-256=:"+digestOf(invoice)+":")
		expect(t, out, 200, "")
		for at, want := range map[string]string{
			"file.sha256": hexDigest(invoice), "file.size": fmt.Sprint(len(invoice)), "file.media_type": "application/pdf", "file.name": "Счёт.pdf", "file.announced": "true",
			"missing_files.0": hexDigest("act"), "missing_files.1": "",
		} {
			if got := out.at(t, at); got != want {
				t.Errorf("%s is %q, want %q", at, got, want)
			}
		}
	}
	expect(t, b.upload(t, "REQ", strings.ToUpper(hexDigest("act")), "act"), 200, "")
	state := b.get(t, documentPath("REQ"))
	if state.at(t, "case.missing_files") != "[]" || state.at(t, "document.files.0.missing") != "false" {
		t.Errorf("%s", state.body)
	}
	b.Approve(t, "REQ")
	if extra := b.upload(t, "REQ", hexDigest("extra"), "extra"); extra.at(t, "file.announced") != "false" {
		t.Errorf("%s", extra.body)
	}
	if again := b.put(t, "NEXT", withFiles(t, announced("extra.txt", "extra"))); again.at(t, "case.missing_files") != "[]" {
		t.Errorf("a file that was sent before is missing: %s", again.body)
	}
}

// sorted puts the first value first.
func sorted(list []any, first string) []any {
	if len(list) == 2 && list[0] != first {
		list[0], list[1] = list[1], list[0]
	}
	return list
}

func TestAFileThatIsKnownKeepsItsSizeWhenOnlyItsDigestIsSent(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	both := announced("invoice.pdf", invoice) + "," + announced("act.txt", "act")
	b.put(t, "REQ", withFiles(t, both))
	expect(t, b.upload(t, "REQ", hexDigest(invoice), invoice), 200, "")
	body := replace(t, withFiles(t, both), "Rent, June", "Rent for June")
	check := func(id string) {
		t.Helper()
		state := b.get(t, documentPath(id))
		for at, want := range map[string]string{
			"document.files.0.size": fmt.Sprint(len(invoice)), "document.files.0.media_type": "application/pdf", "document.files.0.missing": "false",
			"document.files.1.size": "", "document.files.1.media_type": "", "document.files.1.missing": "true",
		} {
			if got := state.at(t, at); got != want {
				t.Errorf("%s: %s is %q, want %q", id, at, got, want)
			}
		}
	}
	if out := b.put(t, "REQ", body); out.at(t, "change") != "cosmetic" {
		t.Errorf("%s", out.body)
	}
	check("REQ")
	if out := b.put(t, "REQ", body); out.at(t, "change") != "unchanged" {
		t.Errorf("%s", out.body)
	}
	expect(t, b.post(t, "/v1/documents/batch", `{"items":[{"external_id":"ANOTHER","document":`+body+`}]}`), 200, "")
	check("ANOTHER")

	// What another source sent is not known.
	if _, err := b.Files.Put(t.Context(), "sap", "", strings.NewReader("act")); err != nil {
		t.Fatal(err)
	}
	b.put(t, "REQ", replace(t, body, "Rent for June", "Rent of June"))
	check("REQ")
}

func TestUploadsThatMustNotBeTakenAreRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.put(t, "REQ", rent)
	expect(t, b.upload(t, "REQ", hexDigest(""), ""), 422, "empty_file") // F-03
	big := strings.Repeat("x", int(b.Files.Max)+1)
	expect(t, b.upload(t, "REQ", hexDigest(big), big), 413, "too_large")
	expect(t, b.upload(t, "REQ", hexDigest(big[1:]), big[1:]), 200, "")
	expect(t, b.upload(t, "REQ", hexDigest("other"), invoice), 422, "digest_mismatch")
	expect(t, b.upload(t, "REQ", hexDigest(invoice), invoice, "Content-Digest: sha-256=:"+digestOf("other")+":"), 422, "digest_mismatch")
	expect(t, b.upload(t, "REQ", "xyz", invoice), 422, "invalid_field")
	expect(t, b.upload(t, "REQ", hexDigest(invoice), invoice, "Content-Encoding: gzip"), 415, "unsupported_media_type")
	expect(t, b.upload(t, "none", hexDigest(invoice), invoice), 404, "not_found")
	elf := "\x7fELF\x02\x01\x01" + strings.Repeat("\x00", 9) + "\x02" + strings.Repeat("\x00", 60)
	expect(t, b.upload(t, "REQ", hexDigest(elf), elf), 422, "forbidden_file")
	huge := "\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x7f\xff\xff\xff\x7f\xff\xff\xff\x08\x02\x00\x00\x00\x00\x00\x00\x00" // F-06
	expect(t, b.upload(t, "REQ", hexDigest(huge), huge), 422, "picture_too_large")
}

func TestALyingLengthIs400(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.put(t, "REQ", rent)
	for _, head := range []string{ // F-03
		"PUT " + documentPath("REQ") + "/files/" + hexDigest(invoice) + " HTTP/1.1\r\nContent-Length: 1000\r\n",
		"PUT " + documentPath("REQ") + " HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n",
		"PUT " + documentPath("REQ") + "/files/" + hexDigest(invoice) + " HTTP/1.1\r\nTransfer-Encoding: chunked\r\n",
	} {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(b.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "%sHost: gate\r\nAuthorization: %s\r\nConnection: close\r\n\r\n%s", head, b.auth, invoice)
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(conn)
		if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 400 ") || !strings.Contains(string(answer), "incomplete_body") {
			t.Errorf("%s: %v %s", head, err, answer)
		}
		conn.Close()
	}
	var n int
	if err := b.Pool.QueryRow(t.Context(), `select count(*) from file`).Scan(&n); err != nil || n != 0 {
		t.Errorf("%d files, %v", n, err)
	}
}

// parts writes a multipart body.
func parts(tb testing.TB, write func(*multipart.Writer)) (body, contentType string) {
	tb.Helper()
	var text bytes.Buffer
	w := multipart.NewWriter(&text)
	write(w)
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return text.String(), w.FormDataContentType()
}

func addPart(tb testing.TB, w *multipart.Writer, field, name, content string) {
	tb.Helper()
	p, err := w.CreateFormFile(field, name)
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := io.WriteString(p, content); err != nil {
		tb.Fatal(err)
	}
}

func TestSeveralFilesComeAsMultipart(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(d *erp.Door) { d.Files.Max = 2 << 20 })
	b.put(t, "REQ", withFiles(t, announced("invoice.pdf", invoice)))
	post := func(body, contentType string) response {
		return b.call(t, request{method: "POST", path: documentPath("REQ") + "/files", body: body, headers: []string{"Content-Type: " + contentType}})
	}
	out := post(parts(t, func(w *multipart.Writer) {
		addPart(t, w, "file", `C:\temp\счёт.pdf`, invoice)
		addPart(t, w, "whatever", "../../etc/act.txt", "act")
	}))
	expect(t, out, 200, "")
	for at, want := range map[string]string{
		"files.0.name": "счёт.pdf", "files.0.sha256": hexDigest(invoice), "files.0.announced": "true", "files.1.name": "act.txt", "files.1.announced": "false", "files.2.name": "", "missing_files": "[]",
	} {
		if got := out.at(t, at); got != want {
			t.Errorf("%s is %q, want %q: %s", at, got, want, out.body)
		}
	}

	many, manyType := parts(t, func(w *multipart.Writer) { // F-04
		for i := range 1000 {
			addPart(t, w, "file", fmt.Sprintf("%d.txt", i), "x")
		}
	})
	expect(t, post(many, manyType), 400, "too_many")
	longName, longType := parts(t, func(w *multipart.Writer) { addPart(t, w, strings.Repeat("n", 1<<20), "a.txt", "x") })
	if out := post(longName, longType); out.status != 400 && out.status != 413 {
		t.Errorf("1 MB field name: %d %s", out.status, out.body)
	}
	expect(t, post(many, "multipart/form-data"), 400, "missing_boundary")
	expect(t, post(many, `multipart/form-data; boundary=""`), 400, "missing_boundary")
	expect(t, post("no parts at all", "multipart/form-data; boundary=b"), 422, "empty_file")
	expect(t, post("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nhalf", "multipart/form-data; boundary=b"), 400, "missing_boundary")
	expect(t, post(many, "text/plain"), 415, "unsupported_media_type")
	none, noneType := parts(t, func(*multipart.Writer) {})
	expect(t, post(none, noneType), 422, "empty_file")
	empty, emptyType := parts(t, func(w *multipart.Writer) { addPart(t, w, "file", "a.txt", "") })
	expect(t, post(empty, emptyType), 422, "empty_file")
	field, fieldType := parts(t, func(w *multipart.Writer) {
		if err := w.WriteField("comment", "x"); err != nil {
			t.Fatal(err)
		}
	})
	expect(t, post(field, fieldType), 400, "missing_boundary")
	big, bigType := parts(t, func(w *multipart.Writer) { addPart(t, w, "file", "a", strings.Repeat("x", 3<<20)) })
	expect(t, post(big, bigType), 413, "too_large")
	digest, digestType := parts(t, func(w *multipart.Writer) {
		p, err := w.CreatePart(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="file"; filename="a"`}, "Content-Digest": {"sha-256=:" + digestOf("b") + ":"}})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(p, "a")
	})
	expect(t, post(digest, digestType), 422, "digest_mismatch")
}

func TestSmallFilesComeInsideTheDocument(t *testing.T) {
	t.Parallel()
	b := common(t)
	inline := func(name, content string) string {
		return fmt.Sprintf(`{"name":%q,"content_base64":%q}`, name, base64.StdEncoding.EncodeToString([]byte(content)))
	}
	body := withFiles(t, inline("invoice.pdf", invoice)+","+fmt.Sprintf(`{"name":"b.txt","sha256":%q,"content_base64":"YmJi\r\nYg=="}`, hexDigest("bbbb")))
	out := b.put(t, "REQ", body)
	if out.at(t, "case.missing_files") != "[]" {
		t.Errorf("%s", out.body)
	}
	state := b.get(t, b.path("REQ"))
	if state.at(t, "document.files.0.sha256") != hexDigest(invoice) || state.at(t, "document.files.0.media_type") != "application/pdf" || state.at(t, "document.files.0.size") != fmt.Sprint(len(invoice)) {
		t.Errorf("%s", state.body)
	}
	named := b.put(t, "REQ", withFiles(t, fmt.Sprintf(`{"name":"invoice.pdf","sha256":%q},{"name":"b.txt","sha256":%q}`, hexDigest(invoice), hexDigest("bbbb"))))
	if named.at(t, "change") != "unchanged" {
		t.Errorf("the same files by their digests: %s", named.body)
	}
	six := withFiles(t, inline("a", strings.Repeat("a", 3<<20))+","+inline("b", strings.Repeat("b", 5<<19)))
	refused := b.call(t, request{method: "PUT", path: b.path("BIG"), body: six})
	expect(t, refused, 422, "invalid_field")
	if f := refused.faults(t); len(f) != 1 || f[0] != "files[1].content_base64 too_large" {
		t.Errorf("%v", f)
	}
	five := withFiles(t, inline("a", strings.Repeat("a", 5<<20)))
	expect(t, b.call(t, request{method: "PUT", path: b.path("FIVE"), body: five}), 201, "")
	elf := b.call(t, request{method: "PUT", path: b.path("ELF"), body: withFiles(t, inline("a", "\x7fELF\x02\x01\x01"+strings.Repeat("\x00", 9)+"\x02"+strings.Repeat("\x00", 60)))})
	expect(t, elf, 422, "forbidden_file")
	if f := elf.faults(t); len(f) != 1 || f[0] != "files[0].content_base64 forbidden_file" {
		t.Errorf("%v", f)
	}
	expect(t, b.get(t, b.path("ELF")), 404, "not_found")
}

func TestNamesOfFilesAreMadeSafe(t *testing.T) {
	t.Parallel()
	for sent, want := range map[string]string{ // F-01
		"../../x": "x", `C:\x`: "x", "a\x00b.pdf": "ab.pdf", "a\r\nX: y": "a X_ y", "gpj.\u202eexe": "gpj.exe", "": "file", "..": "file", ".": "file", "/": "file", ".htaccess": "htaccess", "a/b/": "file",
		"счёт №7.pdf": "счёт №7.pdf", `a"b<c>|d?e*.txt`: "a_b_c__d_e_.txt", "  a.txt ": "a.txt", strings.Repeat("x", 300): strings.Repeat("x", 255), strings.Repeat("я", 200) + ".pdf": strings.Repeat("я", 125) + ".pdf",
		"a." + strings.Repeat("e", 300): "a." + strings.Repeat("e", 253), "\u200e": "file",
	} {
		if got := erp.SafeName(sent); got != want {
			t.Errorf("%.40q became %.60q, want %.60q", sent, got, want)
		}
	}
}

func TestTheSameFileSentAtOnceIsOne(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.put(t, "REQ", withFiles(t, announced("invoice.pdf", invoice)))
	var wg sync.WaitGroup
	for range 12 { // F-09, and more than there are places
		wg.Go(func() { expect(t, b.upload(t, "REQ", hexDigest(invoice), invoice), 200, "") })
	}
	wg.Wait()
	b.SequenceAll(t)
	if page := b.get(t, "/v1/events?types=document.file_stored"); page.at(t, "events.0.data.file") != hexDigest(invoice) || page.at(t, "events.1.id") != "" {
		t.Errorf("%s", page.body)
	}
}

func TestAFullDiskIsSaid(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.put(t, "REQ", rent)
	if _, err := owner(t, b).Exec(t.Context(), `create function full_disk() returns trigger language plpgsql as $$ begin raise exception 'no room' using errcode = '53100'; end $$;
		create trigger full_disk before insert on file_chunk for each row execute function full_disk()`); err != nil {
		t.Fatal(err)
	}
	out := b.upload(t, "REQ", hexDigest(invoice), invoice) // F-10
	expect(t, out, 507, "storage_full")
	if out.at(t, "retryable") != "true" {
		t.Errorf("%s", out.body)
	}
}

func TestNothingIsTakenWhileAFileIsMissing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.put(t, "REQ", rent)
	b.Approve(t, "REQ")
	hash := b.put(t, "REQ", withFiles(t, announced("a.txt", "a"))).at(t, "content_hash") // tolerant: the approval stands
	if state := b.get(t, documentPath("REQ")); state.at(t, "case.status") != "approved" || state.at(t, "case.missing_files.0") != hexDigest("a") {
		t.Fatalf("%s", state.body)
	}
	take := func() response {
		return b.post(t, documentPath("REQ")+"/consume", `{"hash":"`+hash+`","consumer_ref":"PAY-1"}`, "Idempotency-Key: consume-0001")
	}
	refused := take()
	expect(t, refused, 409, "files_missing")
	if !strings.Contains(refused.at(t, "message"), "/files/") || refused.at(t, "retryable") != "false" {
		t.Errorf("it does not say what to do: %s", refused.body)
	}
	sent := b.call(t, request{method: "PUT", path: documentPath("REQ") + "/files/" + hexDigest("a"), body: "a", headers: []string{"Content-Type: text/plain"}})
	expect(t, sent, 200, "")
	if done := take(); done.status != 200 || done.at(t, "consumed") != "true" {
		t.Errorf("%d %s", done.status, done.body)
	}
}
