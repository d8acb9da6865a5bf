package chat_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"countersign/internal/chat"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/secret"
	"countersign/internal/telegram"
)

// stalls puts a way to the messenger in front of the door on which files stop half way.
func (o *office) stalls(t *testing.T) {
	t.Helper()
	api, err := url.Parse(o.tg.URL())
	must(t, err)
	whole := httputil.NewSingleHostReverseProxy(api)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/file/") {
			whole.ServeHTTP(w, r)
			return
		}
		_, _ = io.WriteString(w, pdf[:8])
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	t.Cleanup(srv.Close)
	client, err := telegram.New(telegram.Options{Token: secret.Text(o.tg.Token()), APIURL: srv.URL, Log: o.door.Log})
	must(t, err)
	t.Cleanup(client.Close)
	o.door.Telegram = client
	chat.Hurry(o.door, 200*time.Millisecond)
}

// TestAFileThatNeverComesIsToldOnceAndParked: a slow line cuts it each time, so it counts.
func TestAFileThatNeverComesIsToldOnceAndParked(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.Post(t, "4711")
	card := o.card(t, ledgertest.Budget)
	o.quiet(t)
	o.stalls(t)
	file := o.tg.StoreFile("document", "act.pdf", []byte(pdf))
	body := strings.NewReplacer(`"text":"x"`, `"document":{"file_id":"`+file+`"}`, `"message_id":900`, fmt.Sprintf(`"message_id":%d`, card.ID)).
		Replace(reply(o, 990001, ledgertest.Budget, sign(card, "✅"), "x"))
	if !o.tries(t, body) {
		t.Error("not parked")
	}
	if n := o.showing(ledgertest.Budget, ourFault); n != 1 {
		t.Errorf("told %d times", n)
	}
}
