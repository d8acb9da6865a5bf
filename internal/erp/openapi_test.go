package erp_test

import (
	"bytes"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"countersign/internal/goldentest"
)

const committed = "../../web/openapi.yaml"

func TestTheCommittedDocumentIsTheOneThatIsServed(t *testing.T) {
	t.Parallel()
	b := common(t)
	res, err := http.Get(b.url + "/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var served bytes.Buffer
	if _, err := served.ReadFrom(res.Body); err != nil {
		t.Fatal(err)
	}
	goldentest.File(t, committed, served.String())
	for _, word := range []string{"$schema", "ErrorModel", "ErrorDetail"} {
		if strings.Contains(served.String(), word) {
			t.Errorf("the document speaks of %s", word)
		}
	}
}

func TestThePageOfTheAPIIsWholeAndAsksForNothingElsewhere(t *testing.T) {
	t.Parallel()
	b := common(t)
	read := func(path string) (http.Header, string) {
		res, err := http.Get(b.url + path)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		var text bytes.Buffer
		if _, err := text.ReadFrom(res.Body); err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d %v", path, res.StatusCode, err)
		}
		return res.Header, text.String()
	}
	header, page := read("/docs")
	csp := header.Get("Content-Security-Policy")
	if !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "script-src 'self'") || strings.Contains(csp, "unsafe") || !strings.HasPrefix(header.Get("Content-Type"), "text/html") {
		t.Errorf("%v", header)
	}
	walk(t, func(method, path string, op *openapi3.Operation) {
		if !strings.Contains(page, `<article id="`+op.OperationID+`">`) || op.Summary == "" || len(op.Description) < 40 {
			t.Errorf("%s %s is not on the page, or says too little", method, path)
		}
	})
	for _, bad := range []string{"<script", "src=\"http", "href=\"http", "style=", "ZgotmplZ", "<nil>", "map["} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %s", bad)
		}
	}
	for _, link := range strings.Split(page, `href="#`)[1:] {
		id, _, _ := strings.Cut(link, `"`)
		if !strings.Contains(page, `id="`+id+`"`) {
			t.Errorf("#%s leads nowhere", id)
		}
	}
	if header, style := read("/docs/style.css"); !strings.HasPrefix(header.Get("Content-Type"), "text/css") || style == "" {
		t.Errorf("%v", header)
	}
	if header, text := read("/openapi.json"); header.Get("Content-Type") != "application/json" || !strings.HasPrefix(text, `{"components"`) && !strings.HasPrefix(text, `{"openapi"`) {
		t.Errorf("%v %.60s", header, text)
	}
}

// The bodies are read by hand; what is read and what is described must be the same.
func TestWhatIsReadIsWhatIsDescribed(t *testing.T) {
	t.Parallel()
	b := common(t)
	text, err := os.ReadFile(committed)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		t.Fatal(err)
	}
	hook := "/v1/webhooks/whk_06f1z2k3m4n5p6q7r8s9t0v1w2"
	for name, c := range map[string]struct{ method, path, before, after string }{
		"DocumentBody":  {"PUT", b.path("X"), "", ""},
		"PayeeBody":     {"PUT", b.path("X"), `{"payee":`, `}`},
		"LineBody":      {"PUT", b.path("X"), `{"lines":[`, `]}`},
		"FileBody":      {"PUT", b.path("X"), `{"files":[`, `]}`},
		"ConsumeBody":   {"POST", b.path("X") + "/consume", "", ""},
		"WithdrawBody":  {"POST", b.path("X") + "/withdraw", "", ""},
		"StatusBody":    {"POST", b.path("X") + "/status", "", ""},
		"CommentBody":   {"POST", b.path("X") + "/comments", "", ""},
		"BatchBody":     {"POST", "/v1/documents/batch", "", ""},
		"ChatBody":      {"PUT", "/v1/chats/x", "", ""},
		"UserBody":      {"PUT", "/v1/users/x", "", ""},
		"WebhookBody":   {"POST", "/v1/webhooks", "", ""},
		"WebhookChange": {"PATCH", hook, "", ""},
		"RotateBody":    {"POST", hook + "/rotate", "", ""},
		"PauseBody":     {"POST", hook + "/pause", "", ""},
		"ReplayBody":    {"POST", hook + "/replay", "", ""},
		"NoticeBody":    {"POST", "/v1/notices", "", ""},
		"NoticeFile":    {"POST", "/v1/notices", `{"files":[`, `]}`},
		"CallBody":      {"POST", "/v1/calls", "", ""},
		"NoticeChange":  {"PUT", "/v1/notices/ntc_06f1z2k3m4n5p6q7r8s9t0v1w2", "", ""},
	} {
		properties := doc.Components.Schemas[name].Value.Properties
		if len(properties) == 0 {
			t.Errorf("%s is not described", name)
		}
		members := []string{`"Unheard_of":1`}
		for property := range properties {
			members = append(members, `"`+property+`":[[]]`) // right for nothing
		}
		out := b.call(t, request{method: c.method, path: c.path, body: c.before + "{" + strings.Join(members, ",") + "}" + c.after, headers: []string{"Idempotency-Key: 12345678"}})
		if out.status != http.StatusBadRequest || out.code(t) != "unknown_field" {
			t.Errorf("%s: %d %s", name, out.status, out.body)
			continue
		}
		for _, f := range out.faults(t) {
			if strings.HasSuffix(f, " unknown_field") && !strings.Contains(f, "Unheard_of") {
				t.Errorf("%s: %s is described and not read", name, f)
			}
		}
		for property := range properties {
			looked := slices.ContainsFunc(out.faults(t), func(f string) bool {
				f = strings.NewReplacer("[0] ", " ", "items ", "items[0] ").Replace(strings.TrimPrefix(f, prefixOf(c.before)))
				return strings.HasPrefix(f, property+" ") || strings.HasPrefix(f, property+"[0] ")
			})
			if !looked {
				t.Errorf("%s: %s was not looked at: %s", name, property, out.body)
			}
		}
	}
}

// prefixOf is where the members of an inner body are.
func prefixOf(before string) string {
	return map[string]string{`{"payee":`: "payee.", `{"lines":[`: "lines[0].", `{"files":[`: "files[0]."}[before]
}

func TestEveryBodyMayComeTooLateAndEveryMethodHasAPost(t *testing.T) {
	t.Parallel()
	posts, others := map[string]*openapi3.Operation{}, map[string]*openapi3.Operation{}
	walk(t, func(method, path string, op *openapi3.Operation) {
		if late := op.Responses.Value("408"); (op.RequestBody != nil) != (late != nil) {
			t.Errorf("%s %s: has a body %v, 408 %v", method, path, op.RequestBody != nil, late != nil)
		}
		switch method {
		case http.MethodPost:
			posts[path] = op
		case http.MethodPut, http.MethodPatch, http.MethodDelete:
			others[method+" "+path] = op
		}
	})
	if len(others) < 7 {
		t.Errorf("only %d operations were looked at", len(others))
	}
	for which, op := range others {
		method, path, _ := strings.Cut(which, " ")
		if method == http.MethodDelete {
			path += "/delete"
		}
		post := posts[path]
		if post == nil {
			t.Errorf("%s cannot be done by POST", which)
			continue
		}
		if diff := cmp.Diff(bodyOf(op), bodyOf(post)); diff != "" {
			t.Errorf("the body of %s by POST (-want +got)\n%s", which, diff)
		}
	}
}

// bodyOf names what an operation takes: its media types with their schemas.
func bodyOf(op *openapi3.Operation) map[string]string {
	out := map[string]string{}
	if op.RequestBody != nil {
		for media, content := range op.RequestBody.Value.Content {
			out[media] = content.Schema.Ref
		}
	}
	return out
}

func TestWhatIsChangedByPutIsChangedByPost(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.put(t, "REQ", rent)
	expect(t, b.post(t, "/v1/users/newcomer", `{"name":"A New One","roles":[]}`), 201, "")
	expect(t, b.call(t, request{method: "PUT", path: "/v1/users/newcomer", body: `{"name":"A New One","roles":[]}`}), 200, "")
	expect(t, b.post(t, "/v1/chats/room", `{"title":"Room","telegram_chat_id":-1001234567890}`), 201, "")
	sent := b.call(t, request{method: "POST", path: documentPath("REQ") + "/files/" + hexDigest(invoice), body: invoice, headers: []string{"Content-Type: application/pdf"}})
	expect(t, sent, 200, "")
	if sent.at(t, "file.sha256") != hexDigest(invoice) {
		t.Errorf("%s", sent.body)
	}
	if again := b.post(t, documentPath("REQ"), rent); again.status != 200 || again.at(t, "change") != "unchanged" {
		t.Errorf("%d %s", again.status, again.body)
	}
}
