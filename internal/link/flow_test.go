package link_test

import (
	"errors"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"countersign/internal/directory"
	"countersign/internal/pages/pagestest"
	"countersign/internal/people"
)

func TestTelegramIsTiedByALoginAndALinkBack(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	b := w.browser(t)
	p := b.prove(w.login(t, annasPhone), "anna@example.org")
	if !strings.Contains(p.Body, "anna@example.org") || !strings.Contains(p.Body, `http-equiv="refresh"`) {
		t.Errorf("the page with the proof: %s", p.Body)
	}
	proof := w.web.URL + "/auth/google/proof"
	ask := w.start(t, annasPhone, payload(t, p))
	if ask.Text != "The Google account a…a@example.org will act as Anna Smith from this Telegram account. Is that you?" {
		t.Errorf("asked: %s", ask.Text)
	}
	if p := b.Get(proof); p.Key() != "brought" {
		t.Errorf("meanwhile in the browser: %s", p.Body)
	}
	if len(w.links(t)) != 0 {
		t.Errorf("linked before it was agreed to: %v", w.links(t))
	}
	done := w.tap(t, annasPhone, ask, 0)
	if !strings.HasPrefix(done.Text, "✅ Connected: Anna Smith.") || len(done.Buttons) != 0 {
		t.Errorf("agreed: %+v", done)
	}
	if got := w.links(t); !maps.Equal(got, map[string]int64{"anna": annasPhone}) {
		t.Errorf("links: %v", got)
	}
	if p := b.Get(proof); p.Status != http.StatusOK || p.Key() != "done" || strings.Contains(p.Body, "refresh") {
		t.Errorf("in the end in the browser: %d %s", p.Status, p.Body)
	}
	if w.google.TokenCalls() != 1 || !w.alarmed("connected Telegram account 7001") || len(w.redrawn) != 1 {
		t.Errorf("%d token calls, told: %v, shown anew: %v", w.google.TokenCalls(), w.alarms(), w.redrawn)
	}
	again := w.tap(t, annasPhone, ask, 0) // the same tap once more, and the link once more
	if want := "You are already connected as Anna Smith (anna@example.org)."; again.Text != want || w.start(t, annasPhone, payload(t, p)).Text != want {
		t.Errorf("again: %s", again.Text)
	}
	if n := len(w.alarms()); n != 1 {
		t.Errorf("%d times told", n)
	}
}

func TestTelegramIsTiedByACodeTypedOnAnotherDevice(t *testing.T) {
	t.Parallel()
	for _, form := range []func(string) string{
		func(code string) string { return code },
		func(code string) string { return " " + strings.ReplaceAll(code, " ", "") + " " },
		func(code string) string { return strings.ReplaceAll(code, " ", "-") },
	} {
		w := newTown(t)
		p := w.browser(t).prove(w.login(t, annasPhone), "anna@example.org")
		w.tap(t, annasPhone, w.types(t, annasPhone, form(code(t, p))), 0)
		if got := w.links(t); !maps.Equal(got, map[string]int64{"anna": annasPhone}) {
			t.Errorf("links: %v", got)
		}
	}
}

func TestNumbersThatAreNoCodesAreLeftAlone(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	for _, text := range []string{"12345678", "1234567", "123456789", "1234567a", "", "١٢٣٤٥٦٧٨", "1234 567"} {
		if s, mine, err := w.desk.Typed(t.Context(), w.user(t, annasPhone), text); mine || err != nil {
			t.Errorf("%q: %+v, %v", text, s, err)
		}
	}
	w.login(t, annasPhone) // before the browser there is no code to type either
	if s, mine, err := w.desk.Typed(t.Context(), w.user(t, annasPhone), "12345678"); mine || err != nil {
		t.Errorf("%+v, %v", s, err)
	}
	if _, mine, err := w.desk.Started(t.Context(), w.user(t, annasPhone), "c_x"); mine || err != nil {
		t.Errorf("another's payload is taken: %v", err)
	}
}

func TestThreeWrongCodesEndTheAttempt(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	b := w.browser(t)
	p := b.prove(w.login(t, annasPhone), "anna@example.org")
	wrong := "00000000"
	if strings.ReplaceAll(code(t, p), " ", "") == wrong {
		wrong = "11111111"
	}
	for _, want := range []string{"2 tries left", "1 try left", "Three wrong codes"} {
		if s := w.types(t, annasPhone, wrong); !strings.Contains(s.Text, want) {
			t.Errorf("%q, want %q", s.Text, want)
		}
	}
	if s, mine, err := w.desk.Typed(t.Context(), w.user(t, annasPhone), code(t, p)); mine || err != nil {
		t.Errorf("the right one, too late: %+v, %v", s, err)
	}
	if p := b.Get(w.web.URL + "/auth/google/proof"); p.Key() != "failed.wrong_codes" || !strings.Contains(p.Body, "Three wrong codes") {
		t.Errorf("the browser: %s", p.Body)
	}
	if len(w.links(t)) != 0 {
		t.Error("linked")
	}
}

func TestAttemptsAreFewAndANewOneTakesThePlaceOfTheOld(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	first := w.login(t, annasPhone)
	second := w.login(t, annasPhone)
	if p := w.browser(t).Get(first); p.Status != http.StatusBadRequest || p.Key() != "stale" {
		t.Errorf("the old one: %d %s", p.Status, p.Body)
	}
	if p := w.browser(t).Get(second); p.Key() != "start" {
		t.Errorf("the new one: %s", p.Body)
	}
	for range 3 {
		w.login(t, annasPhone)
	}
	if s, err := w.desk.Login(t.Context(), w.user(t, annasPhone)); err != nil || len(s.Buttons) != 0 || !strings.Contains(s.Text, "in an hour") {
		t.Errorf("the sixth: %+v, %v", s, err)
	}
	w.login(t, borisPhone)
}

func TestTimeIsUpAtEveryStage(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	past := func() {
		_, err := w.Pool.Exec(t.Context(), `update link_attempt set expires_at = created_at + interval '1 microsecond' where ended_at is null`)
		must(t, err)
	}
	stale := func(what string, p pagestest.Page) {
		if p.Key() != "stale" {
			t.Errorf("%s: %d %s", what, p.Status, p.Body)
		}
	}
	b, address := w.browser(t), w.login(t, annasPhone)
	past()
	stale("opened", b.Get(address))
	callback := b.signIn(w.login(t, annasPhone), "anna@example.org")
	past()
	stale("back from the login service", b.Get(callback))
	if w.google.TokenCalls() != 0 {
		t.Errorf("%d token calls", w.google.TokenCalls())
	}
	p := b.prove(w.login(t, annasPhone), "anna@example.org")
	past()
	stale("proof", b.Get(w.web.URL+"/auth/google/proof"))
	if s := w.start(t, annasPhone, payload(t, p)); !strings.Contains(s.Text, "no longer valid") {
		t.Errorf("brought: %+v", s)
	}
	p = b.prove(w.login(t, annasPhone), "anna@example.org")
	ask := w.start(t, annasPhone, payload(t, p))
	past()
	if s := w.tap(t, annasPhone, ask, 0); !strings.Contains(s.Text, "no longer valid") || len(w.links(t)) != 0 {
		t.Errorf("agreed: %+v, %v", s, w.links(t))
	}
}

func TestLinkIsMovedAndTheOldTelegramIsTold(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.link(t, annasPhone, "anna@example.org")
	w.link(t, borisPhone, "anna@example.org") // her new telephone
	if got := w.links(t); !maps.Equal(got, map[string]int64{"anna": borisPhone}) || !w.heard(annasPhone, "connected to another Telegram account") {
		t.Errorf("%v, told: %v", got, w.told())
	}
}

func TestNewLinkWaitsAsConfigured(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		terms directory.Terms
		says  string
		alarm string
		want  error
	}{
		{directory.Terms{Confirm: directory.ByAdmin}, "An administrator has to confirm", "waits for an administrator", people.ErrUnconfirmed},
		{directory.Terms{Confirm: directory.CoolingOff, Cooling: time.Hour}, "decide from", "connected", people.ErrCoolingOff},
		{directory.Terms{Confirm: directory.Notify}, "Connected", "connected", nil},
	} {
		w := newTown(t)
		w.desk.Terms = c.terms
		if s := w.link(t, annasPhone, "anna@example.org"); !strings.Contains(s.Text, c.says) || !w.alarmed(c.alarm) {
			t.Errorf("%s: %s, administrators: %v", c.terms.Confirm, s.Text, w.alarms())
		}
		if err := w.user(t, annasPhone).Person.Power.Decides(w.Clock.Now(), 0); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.terms.Confirm, err)
		}
	}
}

func TestAnotherLoginRenewsTheProofAndTellsNobody(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.link(t, annasPhone, "anna@example.org")
	w.Clock.Advance(90 * 24 * time.Hour)
	if s, err := w.desk.Login(t.Context(), w.user(t, annasPhone)); err != nil || !strings.Contains(s.Text, "already connected as Anna Smith") || len(s.Buttons) != 1 {
		t.Errorf("/login: %+v, %v", s, err)
	}
	w.link(t, annasPhone, "anna@example.org")
	if err := w.user(t, annasPhone).Person.Power.Decides(w.Clock.Now(), time.Hour); err != nil {
		t.Errorf("after it: %v", err)
	}
	if len(w.alarms()) != 1 {
		t.Errorf("told: %v", w.alarms())
	}
}

func TestWithoutLoginServicesAnAdministratorIsAsked(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.desk.Services = nil
	if s, err := w.desk.Login(t.Context(), w.user(t, annasPhone)); err != nil || !strings.Contains(s.Text, "7001") || len(s.Buttons) != 0 {
		t.Errorf("%+v, %v", s, err)
	}
}
