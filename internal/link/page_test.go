package link_test

import (
	"strings"
	"testing"

	"countersign/internal/link"
)

// TestPagesSpeakTheLanguageOfTheChat also holds for the one that is on the way through
// the browser: the attempt knows the language, whatever the browser asks for.
func TestPagesSpeakTheLanguageOfTheChat(t *testing.T) {
	t.Parallel()
	for lang, words := range map[string][]string{
		"en": {"If this is not your own account", "One more step", "Connected"},
		"ru": {"Если это не ваш аккаунт", "Ещё один шаг", "Подключено"},
		"de": {"Ist das nicht Ihr eigenes Konto", "Noch ein Schritt", "Verknüpft"},
		"es": {"Si no es su propia cuenta", "Un paso más", "Vinculado"},
	} {
		w := newTown(t)
		u := link.User{Account: annasPhone, Name: "Аня <b>\u202e", Language: lang}
		s, err := w.desk.Login(t.Context(), u)
		must(t, err)
		b := w.browser(t)
		start := b.get(s.Buttons[0].URL)
		proof := b.prove(s.Buttons[0].URL, "anna@example.org")
		ask, _, err := w.desk.Started(t.Context(), u, proof.payload(t))
		must(t, err)
		_, err = w.desk.Tap(t.Context(), u, ask.Buttons[0].Data)
		must(t, err)
		done := b.get(w.web.URL + "/auth/google/proof")
		for i, p := range []page{start, proof, done} {
			if !strings.Contains(p.body, words[i]) || !strings.Contains(p.body, `<html lang="`+lang+`">`) {
				t.Errorf("%s: %s", lang, p.body)
			}
			if strings.Contains(p.body, "link.") || strings.Contains(p.body, "<no value>") || strings.Contains(p.body, "<b>") || strings.Contains(p.body, "\u202e") {
				t.Errorf("%s shows something raw: %s", lang, p.body)
			}
		}
	}
	w := newTown(t)
	if p := w.browser(t).do("GET", w.web.URL+"/auth/google/start", nil, "Accept-Language", "de-AT,de;q=0.9"); !strings.Contains(p.body, "gilt nicht mehr") {
		t.Errorf("where there is no attempt: %s", p.body)
	}
	if p := w.browser(t).get(w.web.URL + "/auth/x/start"); p.status != 404 || p.key() != "unknown_service" {
		t.Errorf("%d %s", p.status, p.body)
	}
}
