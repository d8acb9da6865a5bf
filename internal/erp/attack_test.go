package erp_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"countersign/internal/directory"
	"countersign/internal/erp"
	"countersign/internal/server"
)

// stranger is the bench as another source has it.
func (b *bench) stranger(t *testing.T, source string) *bench {
	t.Helper()
	other := *b
	other.key, other.auth = b.newKey(t, source, directory.Scopes()...)
	return &other
}

// trickle sends the head of an upload and a byte of its body, and no more.
func (b *bench) trickle(t *testing.T, id string) *textproto.Reader {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(b.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "PUT %s/files/%s HTTP/1.1\r\nHost: gate\r\nAuthorization: %s\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\nx",
		b.path(id), hexDigest(invoice), b.auth)
	return textproto.NewReader(bufio.NewReader(conn))
}

func TestASourceThatSendsSlowlyKeepsNobodyElseOut(t *testing.T) {
	t.Parallel()
	admitted := make(chan struct{}, 100)
	b := newBench(t, func(d *erp.Door) {
		d.Limiter = &server.Limiter{Rate: 1000, Burst: 1000, Now: func() time.Time { admitted <- struct{}{}; return d.Now() }}
	})
	other := b.stranger(t, "sap")
	b.put(t, "REQ", rent)
	other.put(t, "REQ", rent)
	<-admitted
	<-admitted
	for n := range 12 { // there are 8 places
		r := b.trickle(t, "REQ")
		<-admitted
		if n >= 4 {
			continue // it waits
		}
		if line, err := r.ReadLine(); err != nil || !strings.HasPrefix(line, "HTTP/1.1 100 ") { // its body is being read
			t.Fatalf("%s %v", line, err)
		}
	}
	for n := range 10 {
		content := fmt.Sprint("content ", n)
		done := make(chan response, 1)
		go func() {
			done <- other.call(t, request{method: "PUT", path: other.path("REQ") + "/files/" + hexDigest(content), body: content, headers: []string{"Content-Type: text/plain"}})
		}()
		select {
		case out := <-done:
			expect(t, out, 200, "")
		case <-time.After(patience / 4):
			t.Fatal("another source cannot send a file")
		}
	}
}

func TestNoSourceReachesIntoAnother(t *testing.T) {
	t.Parallel()
	b := newBench(t, openLoopback)
	other := b.stranger(t, "sap")
	url, _ := receiver(t)
	hook := fmt.Sprintf(`{"url":%q}`, url)
	key := "Idempotency-Key: the-same-key-1"

	mine := b.put(t, "REQ", withFiles(t, announced("invoice.pdf", invoice)))
	expect(t, b.upload(t, "REQ", hexDigest(invoice), invoice), 200, "")
	made := b.post(t, "/v1/webhooks", hook, key)
	expect(t, made, 201, "")
	b.SequenceAll(t)
	event := b.get(t, "/v1/events?limit=1").at(t, "next")

	// An Idempotency-Key is of its source, though path and body are the same.
	theirs := other.post(t, "/v1/webhooks", hook, key)
	expect(t, theirs, 201, "")
	if theirs.at(t, "id") == made.at(t, "id") || theirs.at(t, "secret") == "" || theirs.header.Get("Idempotent-Replayed") != "" {
		t.Errorf("%s", theirs.body)
	}

	// A batch writes to the source of its key, whatever the names are.
	batch := other.post(t, "/v1/documents/batch", `{"items":[{"external_id":"REQ","document":`+replace(t, rent, "Rent, June", "Not yours")+`}]}`)
	if batch.at(t, "results.0.status") != "201" || batch.at(t, "results.0.document.source") != "sap" {
		t.Errorf("%s", batch.body)
	}
	if now := b.get(t, documentPath("REQ")); now.at(t, "revision") != "1" || now.at(t, "content_hash") != mine.at(t, "content_hash") {
		t.Errorf("%s", now.body)
	}
	for _, body := range []string{`{"items":[{"source":"erp1c","external_id":"REQ","document":` + rent + `}]}`, `{"source":"erp1c","items":[]}`} {
		out := other.post(t, "/v1/documents/batch", body)
		if out.status == http.StatusOK && out.at(t, "results.0.problem.code") != "unknown_field" || out.status != http.StatusOK && out.code(t) != "unknown_field" {
			t.Errorf("%d %s", out.status, out.body)
		}
	}

	// F-12: to know the digest of another's file opens nothing and tells nothing.
	for name, digest := range map[string]string{"theirs": hexDigest(invoice), "nobody's": hexDigest("nothing has this")} {
		out := other.put(t, "STOLEN", withFiles(t, fmt.Sprintf(`{"name":"a.pdf","sha256":%q}`, digest)))
		state := other.get(t, other.path("STOLEN"))
		if out.at(t, "case.missing_files.0") != digest || state.at(t, "document.files.0.missing") != "true" || state.at(t, "document.files.0.size") != "" || state.at(t, "document.files.0.media_type") != "" {
			t.Errorf("F-12 %s: %s %s", name, out.body, state.body)
		}
		expect(t, other.call(t, request{method: "PUT", path: other.path("STOLEN") + "/files/" + digest, body: "a guess", headers: []string{"Content-Type: text/plain"}}), 422, "digest_mismatch")
	}
	expect(t, other.get(t, other.path("STOLEN")+"/files/"+hexDigest(invoice)), 404, "not_found") // no content of others is ever read out

	// The ids of another's things mean nothing at an endpoint of one's own.
	own := "/v1/webhooks/" + theirs.at(t, "id")
	expect(t, other.post(t, own+"/replay", fmt.Sprintf(`{"event":%q}`, event)), 404, "not_found")
	expect(t, other.post(t, own+"/replay", fmt.Sprintf(`{"from":%q}`, event)), 404, "not_found")
	expect(t, other.get(t, own+"/deliveries?before="+event), 404, "not_found")
	for _, path := range []string{own + "/deliveries?document_id=" + mine.at(t, "id"), own + "/deliveries/" + event + "/attempts"} {
		if out := other.get(t, path); out.at(t, "deliveries") != "[]" && out.at(t, "attempts") != "[]" {
			t.Errorf("%s: %s", path, out.body)
		}
	}
}

// Rows of the catalog of bad input that no other test has.
func TestRowsOfTheCatalog(t *testing.T) {
	t.Parallel()
	b := newBench(t, openLoopback)
	b.put(t, "REQ", rent)
	url, _ := receiver(t)
	hook := "/v1/webhooks/" + b.post(t, "/v1/webhooks", fmt.Sprintf(`{"url":%q}`, url)).at(t, "id")
	key := "Idempotency-Key: catalog-0001"
	for _, c := range []struct {
		name  string
		q     request
		code  string
		fault string
		want  int
	}{
		{"A-16 a control in a body", request{method: "POST", path: "/v1/documents/batch", body: `{"items":[{"external_id":"a\u0001b","document":` + rent + `}]}`}, "", "items[0].external_id bad_characters", 200},
		{"A-16 too long in a body", request{method: "POST", path: "/v1/documents/batch", body: `{"items":[{"external_id":"` + strings.Repeat("n", 201) + `","document":` + rent + `}]}`}, "", "items[0].external_id too_long", 200},
		{"A-20 by PATCH", request{method: "PATCH", path: hook, body: `{"url":"https://169.254.169.254/"}`}, "invalid_field", "url bad_address", 422},
		{"A-20 by POST", request{method: "POST", path: hook, body: `{"url":"file:///etc/passwd"}`}, "invalid_field", "url", 422},
		{"A-07 two keys", request{method: "POST", path: documentPath("REQ") + "/comments", body: remark, headers: []string{key + ", catalog-0002"}}, "idempotency_key_required", "", 400},
		{"A-10 twice in a comment", request{method: "POST", path: documentPath("REQ") + "/comments", body: `{"author":"a","text":"b","text":"c"}`, headers: []string{key}}, "duplicate_key", "text duplicate_key", 400},
		{"A-11 other case in a comment", request{method: "POST", path: documentPath("REQ") + "/comments", body: `{"author":"a","Text":"b"}`, headers: []string{key}}, "unknown_field", "Text unknown_field", 400},
		{"A-13 a comment as text", request{method: "POST", path: documentPath("REQ") + "/comments", body: remark, headers: []string{key, "Content-Type: text/json"}}, "unsupported_media_type", "", 415},
		{"A-14 a packed file", request{method: "POST", path: documentPath("REQ") + "/files", body: "x", headers: []string{"Content-Type: multipart/form-data; boundary=b", "Content-Encoding: gzip"}}, "unsupported_media_type", "", 415},
		{"A-22 a stale endpoint by PUT", request{method: "PUT", path: hook, body: `{}`, headers: []string{`If-Match: "9"`}}, "precondition_failed", "", 412},
		{"F-03 nothing inside a document", request{method: "PUT", path: documentPath("F"), body: withFiles(t, `{"name":"a","content_base64":""}`)}, "invalid_field", "files[0].content_base64 empty_file", 422},
		{"F-06 inside a document", request{method: "PUT", path: documentPath("F"), body: withFiles(t, `{"name":"a.png","content_base64":"iVBORw0KGgoAAAANSUhEUgAA6mAAAOpgCAIAAAAAAAAA"}`)}, "picture_too_large", "files[0].content_base64 picture_too_large", 422},
	} {
		out := b.call(t, c.q)
		if c.want == http.StatusOK { // the answer of a batch
			if at := "results.0.problem.errors.0."; out.at(t, at+"field")+" "+out.at(t, at+"code") != c.fault {
				t.Errorf("%s: %s", c.name, out.body)
			}
			continue
		}
		if f := strings.Join(out.faults(t), ","); out.status != c.want || out.code(t) != c.code || !strings.HasPrefix(f, c.fault) || (c.fault == "") != (f == "") {
			t.Errorf("%s: %d %s", c.name, out.status, out.body)
		}
	}
	if n := b.comments(t); n != 0 {
		t.Errorf("%d comments", n)
	}
}
