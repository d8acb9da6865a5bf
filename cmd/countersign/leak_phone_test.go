package main

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"countersign/internal/asterisk/asterisktest"
	"countersign/internal/telegram/telegramtest"
)

// The telephones of the story, and the PIN of a room.
const (
	leakPhone   = "+4930777001"
	leakStrange = "+4930777002"
	leakPIN     = "58204613"
)

// exchange starts one that is away until somebody starts it, and gives the settings for it.
func (w *world) exchange() (*asterisktest.Server, []string) {
	w.t.Helper()
	pbx, err := asterisktest.Open(w.t.Context(), asterisktest.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = pbx.Close() })
	if err := pbx.Stop(); err != nil {
		w.t.Fatal(err)
	}
	return pbx, []string{
		"COUNTERSIGN_ASTERISK_MODE=ami", "COUNTERSIGN_ASTERISK_ADDRESS=" + pbx.Addr(), "COUNTERSIGN_ASTERISK_USER=" + asterisktest.User,
		"COUNTERSIGN_ASTERISK_SECRET=" + asterisktest.Secret, "COUNTERSIGN_ASTERISK_PREFIXES=+4930", "COUNTERSIGN_ASTERISK_LEGACY_API=on",
		"COUNTERSIGN_SEAL_KEY_FILE=" + filepath.Join(w.t.TempDir(), "seal.key"),
	}
}

// taps presses a button once it is there.
func (w *world) taps(account int64, m telegramtest.Message, button string) {
	w.t.Helper()
	if err := w.tg.WaitFor(w.limited(patience), func() bool {
		now, _ := w.tg.Message(m.ChatID, m.ID)
		_, there := now.Button(button)
		return there
	}); err != nil {
		w.t.Fatalf("no button %q: %v\n%s", button, err, w.transcript(account))
	}
	w.tap(account, m, button)
}

// leakPhones is what is said of telephones, done and refused. The exchange comes last: who is
// asked for before that is not called.
func leakPhones(w *world, pbx *asterisktest.Server) {
	w.t.Helper()
	if _, err := w.tg.Post(telegramtest.Said{UserID: leakPyotr, ChatID: leakPyotr, Phone: leakPhone, PhoneOwner: leakPyotr}); err != nil {
		w.t.Fatal(err)
	}
	w.sees(leakPyotr, "✅", "number")
	for _, owner := range []int64{leakAnna, 0} {
		if _, err := w.tg.Post(telegramtest.Said{UserID: leakPyotr, ChatID: leakPyotr, Phone: leakStrange, PhoneOwner: owner}); err != nil {
			w.t.Fatal(err)
		}
	}
	w.say(leakPyotr, "/rooms", 0)
	m := w.sees(leakPyotr, "Audio rooms")
	w.taps(leakPyotr, m, "➕ New room")
	w.taps(leakPyotr, m, "🔑 Private, with names")
	w.say(leakPyotr, "ein-Brief", w.sees(leakPyotr, "What is the room called?").ID)
	w.say(leakPyotr, leakPIN, w.sees(leakPyotr, "Set its PIN").ID)
	made := w.sees(leakPyotr, "The room is ready")
	w.taps(leakPyotr, made, "Open the room")
	call := func(path, number, key string) int {
		body := fmt.Sprintf(`{"phone_number":%q,"room_name":"ein-Brief","caller_id":"Leakov","lang":"en","api_key":%q}`, number, key)
		if path != "/api/conf" {
			body = strings.Replace(body, `,"api_key":"`+key+`"`, "", 1)
		}
		r, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.balancer.url+path, strings.NewReader(body))
		if err != nil {
			w.t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+w.key)
		r.Header.Set("Idempotency-Key", "leak-"+number)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			w.t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	away := call("/v1/calls", leakStrange, "")
	if err := pbx.Start(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	pauseUntil(func() bool { return strings.Contains(w.logs(), "connected to Asterisk") }, patience)
	pbx.Break("Originate", asterisktest.Trouble{Fault: asterisktest.Refused}) // meets the look at its dialplan, too
	w.taps(leakPyotr, made, "📞 Call me")
	w.sees(leakPyotr, "⚠️")
	pbx.Mend()
	if there := call("/v1/calls", leakStrange, ""); away != http.StatusServiceUnavailable || there != http.StatusAccepted {
		w.t.Errorf("while the exchange was away %d, then %d", away, there)
	}
	for _, c := range []struct {
		path, number, key string
		want              int
	}{
		{"/v1/calls", leakStrange + "x", "", 422},
		{"/api/conf", leakStrange, w.key, 409},
		{"/api/conf", leakStrange, w.key + "x", 401},
		{"/api/conf?phone_number=" + leakStrange, leakStrange, w.key, 400},
	} {
		if got := call(c.path, c.number, c.key); got != c.want {
			w.t.Errorf("%s: %d, want %d", c.path, got, c.want)
		}
	}
}

// journalIsSilent looks at what the story left in the journal, and in the inbox.
func (w *world) journalIsSilent(t *testing.T) {
	t.Helper()
	for _, word := range []string{"4930777", leakPIN} {
		var n int
		if err := w.pool.QueryRow(t.Context(), "select count(*) from journal_entry e where to_jsonb(e)::text ilike '%' || $1 || '%'", word).Scan(&n); err != nil || n > 0 {
			t.Errorf("%q is in %d entries of the journal, %v", word, n, err)
		}
	}
	for _, what := range []string{"contact", "/rooms"} {
		var n int
		if err := w.pool.QueryRow(t.Context(), "select count(*) from journal_entry where what = $1", what).Scan(&n); err != nil || n == 0 {
			t.Errorf("%q is not in the journal, %v", what, err)
		}
	}
	var kept int
	err := w.pool.QueryRow(t.Context(), "select count(*) from telegram_update u where to_jsonb(u)::text like '%4930777%' or to_jsonb(u)::text like '%' || $1 || '%'", leakPIN).Scan(&kept)
	if err != nil || kept > 0 {
		t.Errorf("%d updates keep a number or a PIN, %v", kept, err)
	}
}
