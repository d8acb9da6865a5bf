package fakeerp_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gabriel-vasile/mimetype"
	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"countersign/internal/demo/fakeerp"
)

const (
	secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	hash   = "sha256:aa"
)

var noon = time.Date(2026, 6, 20, 12, 0, 0, 0, time.UTC)

// gateway is a stand-in that answers what a test tells it to, and keeps what was asked.
type gateway struct {
	mu      sync.Mutex
	answers map[string]reply // by method and path
	asked   []string
	bodies  map[string]string
}

type reply struct {
	status int
	body   string
}

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	g.mu.Lock()
	defer g.mu.Unlock()
	key := r.Method + " " + r.URL.Path
	g.asked = append(g.asked, key)
	g.bodies[key] = string(body)
	a, ok := g.answers[key]
	if !ok {
		a = reply{http.StatusNotFound, `{"code":"not_found","message":"Nothing."}`}
	}
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, a.body)
}

func (g *gateway) set(key string, status int, body string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.answers[key] = reply{status, body}
}

const document = "/v1/sources/erp1c/documents/REQ-4711"

// open gives an ERP with one document that the gateway took.
func open(t *testing.T) (*fakeerp.ERP, *gateway) {
	t.Helper()
	g := &gateway{answers: map[string]reply{}, bodies: map[string]string{}}
	g.set("PUT "+document, http.StatusCreated, `{"content_hash":"`+hash+`","revision":1,"change":"created"}`)
	g.set("POST /v1/webhooks", http.StatusCreated, `{"id":"whk_1","secret":"`+secret+`"}`)
	srv := httptest.NewServer(g)
	t.Cleanup(srv.Close)
	e := &fakeerp.ERP{
		Gateway: srv.URL, Source: "erp1c", Key: "key", Client: srv.Client(), Log: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return noon },
	}
	if err := e.Subscribe(t.Context(), "http://127.0.0.1:1/"); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Post(t.Context(), fakeerp.Entry{Title: "Rent", Payee: "Landlord", Amount: "100.00"}); err != nil {
		t.Fatal(err)
	}
	return e, g
}

func event(seq int, kind, data string) string {
	return fmt.Sprintf(`{"id":"evt_%d","type":%q,"timestamp":"2026-06-20T12:00:00Z","source":"erp1c","external_id":"REQ-4711","seq":%d,"data":%s}`,
		seq, kind, seq, data)
}

func idOf(body string) string {
	var e struct {
		ID string `json:"id"`
	}
	_ = json.Unmarshal([]byte(body), &e)
	return e.ID
}

// deliver signs as any library of the standard does.
func deliver(t *testing.T, e *fakeerp.ERP, body string, change func(*http.Request)) int {
	t.Helper()
	w, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	signature, err := w.Sign(idOf(body), noon, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", bytes.NewReader([]byte(body)))
	r.Header = http.Header{
		"Content-Type": {"application/json"}, "Webhook-Id": {idOf(body)},
		"Webhook-Timestamp": {fmt.Sprint(noon.Unix())}, "Webhook-Signature": {signature},
	}
	if change != nil {
		change(r)
	}
	rec := httptest.NewRecorder()
	e.ServeHTTP(rec, r)
	return rec.Code
}

func TestOnlyWhatIsSignedIsBelieved(t *testing.T) {
	t.Parallel()
	received := event(1, "document.received", `{}`)
	old := fmt.Sprint(noon.Add(-6 * time.Minute).Unix())
	for name, tt := range map[string]struct {
		change func(*http.Request)
		want   int
	}{
		"as it was signed":      {nil, 204},
		"with an older secret":  {func(r *http.Request) { r.Header.Set("Webhook-Signature", "v1,AAAA "+r.Header.Get("Webhook-Signature")) }, 204},
		"another body":          {func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader(received + " ")) }, 401},
		"another id":            {func(r *http.Request) { r.Header.Set("Webhook-Id", "evt_2") }, 401},
		"another time":          {func(r *http.Request) { r.Header.Set("Webhook-Timestamp", fmt.Sprint(noon.Unix()+1)) }, 401},
		"too old":               {func(r *http.Request) { r.Header.Set("Webhook-Timestamp", old) }, 401},
		"no signature":          {func(r *http.Request) { r.Header.Del("Webhook-Signature") }, 401},
		"two signature headers": {func(r *http.Request) { r.Header.Add("Webhook-Signature", "v1,AAAA") }, 401},
		"a scheme of another key": {func(r *http.Request) {
			r.Header.Set("Webhook-Signature", strings.Replace(r.Header.Get("Webhook-Signature"), "v1,", "v1a,", 1))
		}, 401},
		"no json":        {func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, 400},
		"read, not sent": {func(r *http.Request) { r.Method = http.MethodGet }, 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, _ := open(t)
			if got := deliver(t, e, received, tt.change); got != tt.want {
				t.Errorf("answer %d, want %d", got, tt.want)
			}
			s := e.Snapshot()
			if taken := tt.want == 204; taken != (s.Hooked == 1) || taken == (s.Refused == 1) {
				t.Errorf("%d taken, %d refused", s.Hooked, s.Refused)
			}
		})
	}
}

func TestEventsMakeTheStateOfTheDocument(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	for i, ev := range []struct{ kind, data string }{
		{"document.received", `{}`},
		{"case.started", `{"round":1}`},
		{"case.step_opened", `{"step":"budget_holder","asked":["petrov"]}`},
		{"vote.cast", `{"step":"budget_holder","by":"petrov","verdict":"accept"}`},
		{"document.changed", `{"class":"material"}`},
		{"case.round_opened", `{"round":2}`},
		{"case.step_opened", `{"step":"budget_holder","asked":["petrov"]}`},
		{"vote.cast", `{"step":"budget_holder","by":"petrov","verdict":"reject","reason":"twice"}`},
		{"case.step_closed", `{"step":"budget_holder"}`},
		{"case.decided", `{"outcome":"rejected","reason":"twice"}`},
	} {
		if got := deliver(t, e, event(i+1, ev.kind, ev.data), nil); got != 204 {
			t.Fatalf("%s: answer %d", ev.kind, got)
		}
	}
	d, err := e.Document("REQ-4711")
	if err != nil {
		t.Fatal(err)
	}
	type state struct {
		Status, Reason string
		Round, Fallen  int
		Votes          []fakeerp.Vote
	}
	want := state{"rejected", "twice", 2, 1, []fakeerp.Vote{{User: "petrov", Verdict: "reject", Reason: "twice", Step: "budget_holder"}}}
	if diff := cmp.Diff(want, state{d.Status, d.Reason, d.Round, d.Fallen, d.Votes}); diff != "" {
		t.Error(diff)
	}
	if p := e.Snapshot().Problems; len(p) > 0 {
		t.Error(p)
	}
}

func TestTheSameWebhookTwiceCountsOnce(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	for range 2 {
		if got := deliver(t, e, event(1, "document.received", `{}`), nil); got != 204 {
			t.Fatalf("answer %d", got)
		}
	}
	s := e.Snapshot()
	if len(s.Events) != 1 || s.Events[0].Hooked != 2 || len(s.Problems) > 0 {
		t.Errorf("events %+v, problems %v", s.Events, s.Problems)
	}
}

func TestWhatComesOutOfOrderIsSentBackAndTold(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	if got := deliver(t, e, event(2, "case.started", `{"round":1}`), nil); got != 503 {
		t.Errorf("answer %d, want 503", got)
	}
	if p := e.Snapshot().Problems; len(p) != 1 || !strings.Contains(p[0], "came before") {
		t.Errorf("problems %v", p)
	}
	for seq, kind := range []string{"document.received", "case.started"} {
		if got := deliver(t, e, event(seq+1, kind, `{"round":1}`), nil); got != 204 {
			t.Errorf("answer %d", got)
		}
	}
	if d, _ := e.Document("REQ-4711"); d.Status != "in_progress" {
		t.Errorf("status %q", d.Status)
	}
}

func TestFeedAndWebhooksAreCompared(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		feed string
		want string // part of the problem; empty: none
	}{
		"the same":        {event(1, "document.received", `{}`), ""},
		"another text":    {event(1, "document.received", `{ }`), "another in the feed"},
		"another order":   {event(2, "case.started", `{}`), "came after"},
		"another's":       {strings.Replace(event(1, "x", `{}`), "REQ-4711", "REQ-1", 1), "not ours"},
		"another source":  {strings.Replace(event(1, "x", `{}`), "erp1c", "erp2", 1), "of the source"},
		"nothing new yet": {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, g := open(t)
			deliver(t, e, event(1, "document.received", `{}`), nil)
			g.set("GET /v1/events", 200, `{"events":[`+tt.feed+`],"next":"evt_1","more":false}`)
			if err := e.Reconcile(t.Context(), 0); err != nil {
				t.Fatal(err)
			}
			p := strings.Join(e.Snapshot().Problems, "\n")
			if (tt.want == "") != (p == "") || !strings.Contains(p, tt.want) {
				t.Errorf("problems %q, want %q", p, tt.want)
			}
		})
	}
}

func TestPaymentAsksForTheDecisionFirst(t *testing.T) {
	t.Parallel()
	approved := `{"hash":"` + hash + `","outcome":"approved"}`
	for name, tt := range map[string]struct {
		decision, consume reply
		want              fakeerp.Attempt
		consumed          bool
	}{
		"yes":               {reply{200, approved}, reply{200, `{}`}, fakeerp.Attempt{Done: true, Status: 200}, true},
		"not yet":           {reply{200, `{"hash":"` + hash + `","outcome":"in_progress"}`}, reply{200, `{}`}, fakeerp.Attempt{Status: 200, Code: "not_approved"}, false},
		"on something else": {reply{200, `{"hash":"sha256:bb","outcome":"approved"}`}, reply{200, `{}`}, fakeerp.Attempt{Status: 200, Code: "wrong_decision"}, false},
		"changed since":     {reply{409, `{"code":"revision_mismatch","message":"Changed."}`}, reply{200, `{}`}, fakeerp.Attempt{Status: 409, Code: "revision_mismatch", Message: "Changed."}, false},
		"paid before":       {reply{200, approved}, reply{409, `{"code":"already_consumed","message":"Used."}`}, fakeerp.Attempt{Status: 409, Code: "already_consumed", Message: "Used."}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, g := open(t)
			g.set("GET "+document+"/decision", tt.decision.status, tt.decision.body)
			g.set("POST "+document+"/consume", tt.consume.status, tt.consume.body)
			d, err := e.Pay(t.Context(), "REQ-4711", "en")
			if err != nil {
				t.Fatal(err)
			}
			tt.want.What, tt.want.Ref, tt.want.At = "pay", "PAY-0001", noon
			if diff := cmp.Diff(tt.want, d.Attempts[len(d.Attempts)-1]); diff != "" {
				t.Error(diff)
			}
			body, asked := g.bodies["POST "+document+"/consume"]
			if asked != tt.consumed || asked && !strings.Contains(body, hash) {
				t.Errorf("consume was asked: %t with %s", asked, body)
			}
		})
	}
}

func TestLargeFilesGoByThemselves(t *testing.T) {
	t.Parallel()
	e, g := open(t)
	const second = "/v1/sources/erp1c/documents/REQ-4712"
	g.set("PUT "+second, 201, `{"content_hash":"sha256:bb","revision":1}`)
	content := bytes.Repeat([]byte("x"), 300<<10)
	d, err := e.Post(t.Context(), fakeerp.Entry{Title: "Rent", Payee: "L", Amount: "1", FileName: "big.txt", File: content})
	if err != nil {
		t.Fatal(err)
	}
	if d.Attempts[0].Done {
		t.Error("the refusal of the file is not told")
	}
	if !strings.Contains(g.bodies["PUT "+second], `"upload":"pending"`) || g.bodies["PUT "+second+"/files/"+d.File.SHA256] != string(content) {
		t.Errorf("asked: %v", g.asked)
	}
}

func TestEntriesThatMakeNoSenseAreNotBooked(t *testing.T) {
	t.Parallel()
	good := fakeerp.Entry{Title: "Rent", Payee: "L", Amount: "1.50"}
	for name, change := range map[string]func(*fakeerp.Entry){
		"no title":         func(n *fakeerp.Entry) { n.Title = " " },
		"no payee":         func(n *fakeerp.Entry) { n.Payee = "" },
		"no amount":        func(n *fakeerp.Entry) { n.Amount = "" },
		"nothing":          func(n *fakeerp.Entry) { n.Amount = "0.00" },
		"less":             func(n *fakeerp.Entry) { n.Amount = "-1" },
		"half a kopeck":    func(n *fakeerp.Entry) { n.Amount = "1.005" },
		"a comma":          func(n *fakeerp.Entry) { n.Amount = "1,50" },
		"a file of no one": func(n *fakeerp.Entry) { n.FileName = "a.pdf" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, _ := open(t)
			n := good
			change(&n)
			if _, err := e.Post(t.Context(), n); err == nil {
				t.Error("booked")
			}
			if got := len(e.Snapshot().Documents); got != 1 {
				t.Errorf("%d documents", got)
			}
		})
	}
}

func TestInvoiceIsAPDF(t *testing.T) {
	t.Parallel()
	pdf := fakeerp.Invoice(fakeerp.Document{Number: "4711", Title: "Аренда (июнь)", Payee: "Щука", Amount: "1.00", Currency: "RUB"})
	if got := mimetype.Detect(pdf).String(); got != "application/pdf" {
		t.Errorf("type %s", got)
	}
	if !bytes.Contains(pdf, []byte(`Arenda \(iyun\)`)) || !bytes.Contains(pdf, []byte("Shchuka")) {
		t.Errorf("words are missing in %s", pdf)
	}
	at := bytes.LastIndex(pdf, []byte("startxref\n"))
	var offset int
	if _, err := fmt.Sscanf(string(pdf[at:]), "startxref\n%d", &offset); err != nil || !bytes.HasPrefix(pdf[offset:], []byte("xref\n")) {
		t.Errorf("the table of objects is not at %d", offset)
	}
}
