package assure_test

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/assure"
)

// strong is a decision of Anna's for which a passkey is asked.
func (t *town) strong() assure.Ask {
	a := t.ask()
	a.Least = assure.Passkey
	return a
}

func TestPasskeyConfirmsOneDecisionOnce(t *testing.T) {
	t.Parallel()
	w := withPasskeys(t)
	d := w.equip(t, "anna", annasPhone)
	b, a := w.browser(t), w.strong()
	p := b.get(w.begin(t, a))
	ask := p.asks(t, "get")
	if ask.Host != "localhost" || ask.Verification != "required" || len(ask.Allow) != 1 || ask.Allow[0].ID != b64(d.id) || strings.Contains(p.Body, `action="/confirm/totp"`) {
		t.Errorf("%+v", ask)
	}
	if csp := p.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "script-src 'sha256-") || strings.Contains(csp, "unsafe") {
		t.Error(csp)
	}
	answer := d.uses(ask)
	done := b.send(p, "passkey", "passkey", answer)
	if done.Key() != "done" || !w.heard(annasPhone, "✅ Approved") || strings.Contains(done.Header.Get("Content-Security-Policy"), "script-src") {
		t.Errorf("%d %s", done.Status, done.Body)
	}
	if diff := cmp.Diff([]vote{{a, "passkey"}}, w.cast(), cmp.AllowUnexported(vote{})); diff != "" {
		t.Error(diff)
	}
	if p := b.send(p, "passkey", "passkey", answer); p.Key() != "done" || len(w.cast()) != 1 {
		t.Errorf("again: %s, cast %d times", p.Body, len(w.cast()))
	}
}

// Whatever is not the answer of a key of this person to this very question is refused, and
// uses the question up.
func TestForgedAnswersOfPasskeysAreRefused(t *testing.T) {
	t.Parallel()
	w := withPasskeys(t)
	hers, his := w.equip(t, "anna", annasPhone), w.equip(t, "boris", borisPhone)
	b, a := w.browser(t), w.strong()
	p := b.get(w.begin(t, a))
	elsewhere := a
	elsewhere.No, elsewhere.Verdict = 1, "reject"
	other := b.get(w.begin(t, elsewhere)).asks(t, "get")
	old := ""
	for _, tc := range []struct {
		name string
		says func(ask asked) string
	}{
		{"nothing", func(asked) string { return "" }},
		{"no JSON", func(asked) string { return `{"id":` }},
		{"two answers", func(k asked) string { return hers.uses(k) + "{}" }},
		{"another site", func(k asked) string { d := *hers; d.origin = "https://countersign.example"; return d.uses(k) }},
		{"another port", func(k asked) string { d := *hers; d.origin = "https://localhost:1"; return d.uses(k) }},
		{"without TLS", func(k asked) string {
			d := *hers
			d.origin = strings.Replace(d.origin, "https", "http", 1)
			return d.uses(k)
		}},
		{"a key of another site", func(k asked) string { d := *hers; d.host = "countersign.example"; return d.uses(k) }},
		{"another challenge", func(k asked) string {
			k.Challenge = b64([]byte("0123456789abcdef0123456789abcdef"))
			return hers.uses(k)
		}},
		{"the challenge of another decision", func(asked) string { return hers.uses(other) }},
		{"no challenge", func(k asked) string { k.Challenge = ""; return hers.uses(k) }},
		{"nobody unlocked it", func(k asked) string { d := *hers; d.flags = present; return d.uses(k) }},
		{"nobody was there", func(k asked) string { d := *hers; d.flags = verified; return d.uses(k) }},
		{"another person's key", his.uses},
		{"another person's key under her name", func(k asked) string { d := *his; d.id = hers.id; return d.uses(k) }},
		{"her key in another's name", func(k asked) string { d := *hers; d.owner = []byte(w.ids["boris"]); return d.uses(k) }},
		{"the making of a key", func(k asked) string { return hers.makes(k) }},
		{"another signature", func(k asked) string { return strings.Replace(hers.uses(k), `"signature":"M`, `"signature":"N`, 1) }},
		{"backed up all at once", func(k asked) string { d := *hers; d.flags |= 8 | 16; return d.uses(k) }},
		{"the old answer", func(asked) string { return old }},
	} {
		ask := p.asks(t, "get")
		next := b.post(p, "passkey", "passkey", tc.says(ask))
		if next.Status != http.StatusForbidden || !strings.Contains(next.wrong(), "was not accepted") {
			t.Errorf("%s: %d %s", tc.name, next.Status, next.wrong())
		}
		if old = hers.uses(ask); next.asks(t, "get").Challenge == ask.Challenge {
			t.Errorf("%s: the same question again", tc.name)
		}
		if out := b.post(p, "passkey", "passkey", old); out.Key() == "done" { // right, and too late
			t.Errorf("%s: a question is answered twice", tc.name)
		}
		p = b.get(w.begin(t, a))
	}
	w.nothing(t)
	if n := ask[int](t, w.owner, "select count(*) from assure_passkey where copied_at is not null or used_at is not null"); n != 0 || len(w.alarms) != 0 {
		t.Errorf("%d keys changed, %v", n, w.alarms)
	}
	if p = b.send(p, "passkey", "passkey", hers.uses(p.asks(t, "get"))); p.Key() != "done" {
		t.Errorf("then: %d %s", p.Status, p.Body)
	}
}

// The question is asked of one browser: another one's is another.
func TestQuestionIsOneBrowsersAndOneAttempts(t *testing.T) {
	t.Parallel()
	w := withPasskeys(t)
	d := w.equip(t, "anna", annasPhone)
	address := w.begin(t, w.strong())
	mine, theirs := w.browser(t), w.browser(t)
	p, q := mine.get(address), theirs.get(address)
	if p.asks(t, "get").Challenge == q.asks(t, "get").Challenge {
		t.Error("one question for two browsers")
	}
	if out := mine.post(p, "passkey", "passkey", d.uses(q.asks(t, "get"))); !strings.Contains(out.wrong(), "not accepted") {
		t.Errorf("%d %s", out.Status, out.wrong())
	}
	p = mine.get(address)
	var wg sync.WaitGroup
	answer := d.uses(p.asks(t, "get"))
	for range 4 {
		wg.Go(func() { mine.post(p, "passkey", "passkey", answer) })
	}
	wg.Wait()
	if n := len(w.cast()); n != 1 {
		t.Errorf("cast %d times", n)
	}
}

// A counter that goes back is a sign of a copy: both keys are refused from then on.
func TestCounterThatGoesBackAlarms(t *testing.T) {
	t.Parallel()
	w := withPasskeys(t)
	d := w.equip(t, "anna", annasPhone)
	b, a := w.browser(t), w.strong()
	d.counter = 40
	p := b.get(w.begin(t, a))
	if p = b.send(p, "passkey", "passkey", d.uses(p.asks(t, "get"))); p.Key() != "done" {
		t.Fatalf("%d %s", p.Status, p.Body)
	}
	holds := func() bool {
		has, err := w.desk.Store.Held(t.Context())
		must(t, err)
		return slices.Contains(has[w.ids["anna"]], assure.Passkey)
	}
	if !holds() {
		t.Error("her passkey is not known")
	}
	for _, counter := range []uint32{40, 5} { // the second time it is not even asked for
		a.No++
		p = b.get(w.begin(t, a))
		copied := *d
		copied.counter = counter
		says := `{"id":"x"}`
		if counter == 40 {
			says = copied.uses(p.asks(t, "get"))
		} else if strings.Contains(p.Body, "data-get") {
			t.Errorf("it is asked for: %s", p.Body)
		}
		out := b.post(p, "passkey", "passkey", says)
		if want := map[uint32]string{40: "there may be a copy", 5: "not accepted"}[counter]; !strings.Contains(out.wrong(), want) {
			t.Errorf("%d: %d %s", counter, out.Status, out.wrong())
		}
	}
	if holds() {
		t.Error("a passkey of which there is a copy counts")
	}
	if len(w.cast()) != 1 || !w.heard(annasPhone, "Your passkey “laptop” is refused") {
		t.Errorf("cast %d times, told %v", len(w.cast()), w.told)
	}
	if len(w.alarms) != 1 || !strings.HasPrefix(w.alarms[0], "⚠️ Anna Smith (anna): the passkey “laptop” was refused") {
		t.Errorf("administrators: %q", w.alarms)
	}
	if got := w.changes(t); !cmp.Equal(got, []string{"passkey.set", "passkey.copied"}) {
		t.Error(got)
	}
	// A login alone gives no other in its place; an administrator clears the way.
	e := w.browser(t)
	in := e.enter("anna", annasPhone)
	if out := e.post(in, "setup/passkey", "name", "new"); out.wrong() == "" || strings.Contains(out.Body, "data-create") {
		t.Errorf("%d %s", out.Status, out.Body)
	}
	must(t, w.desk.Reset(t.Context(), "admin", w.ids["anna"]))
	w.equip(t, "anna", annasPhone)
}

// Of two answers with the same count only one counts, however close they come.
func TestSameCountInTheSameMomentCountsOnce(t *testing.T) {
	t.Parallel()
	w := withPasskeys(t)
	d := w.equip(t, "anna", annasPhone)
	a := w.strong()
	d.counter = 9
	var answers []func()
	for no := range 4 {
		a.No = no
		b := w.browser(t)
		p := b.get(w.begin(t, a))
		says := d.shows(p.asks(t, "get"))
		answers = append(answers, func() { b.post(p, "passkey", "passkey", says) })
	}
	var wg sync.WaitGroup
	for _, answer := range answers { // all were asked before the first answers: two with one count refuse the key
		wg.Go(answer)
	}
	wg.Wait()
	if n := len(w.cast()); n != 1 {
		t.Errorf("cast %d times", n)
	}
}

// Devices that do not count say 0 for ever.
func TestDeviceThatDoesNotCountIsNoCopy(t *testing.T) {
	t.Parallel()
	w := withPasskeys(t)
	b, d := w.browser(t), w.device(t)
	d.counter = 0
	p := b.send(b.enter("anna", annasPhone), "setup/passkey", "name", "phone")
	b.send(p, "setup/passkey/complete", "passkey", d.makes(p.asks(t, "create")))
	a := w.strong()
	for no := range 2 {
		a.No = no
		p := b.get(w.begin(t, a))
		if p = b.send(p, "passkey", "passkey", d.shows(p.asks(t, "get"))); p.Key() != "done" {
			t.Errorf("%d %s", p.Status, p.Body)
		}
	}
}

func TestKeysBelongToTheirRow(t *testing.T) {
	t.Parallel()
	w := withPasskeys(t)
	d := w.equip(t, "anna", annasPhone)
	his := w.equip(t, "boris", borisPhone)
	b, a := w.browser(t), w.strong()
	p := b.get(w.begin(t, a))
	question := p.asks(t, "get")
	// Whoever writes into the database gives Anna's row the key of Boris.
	w.exec(t, "alter table assure_passkey disable trigger assure_passkey_stays")
	w.exec(t, "update assure_passkey k set sealed = o.sealed from assure_passkey o where o.person_id <> k.person_id and k.person_id = $1", w.ids["anna"])
	his.id = d.id
	if out := b.post(p, "passkey", "passkey", his.uses(question)); out.Status != http.StatusServiceUnavailable || out.Key() != "away" {
		t.Errorf("%d %s", out.Status, out.Key())
	}
	w.nothing(t)
	if n := ask[int](t, w.owner, "select max(asked) from assure_attempt where kind = 'confirm'"); n != 0 {
		t.Errorf("a fault uses %d questions up", n)
	}
}
