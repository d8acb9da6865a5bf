package link_test

import (
	"strings"
	"testing"

	"countersign/internal/link"
	"countersign/internal/pages/pagestest"
)

// TestPagesSpeakTheLanguageOfTheChat also holds for the one that is on the way through
// the browser: the attempt knows the language, whatever the browser asks for.
func TestPagesSpeakTheLanguageOfTheChat(t *testing.T) {
	t.Parallel()
	for lang, words := range map[string][]string{
		"en": {"If this is not your own account", "One more step", "Connected"},
		"ru": {"Если это не ваш аккаунт", "Ещё один шаг", "Подключено"},
		"de": {"Ist das nicht Ihr eigenes Konto", "Noch ein Schritt", "Verknüpft"},
		"es": {"Si no es su propia cuenta", "Un paso más", "Cuenta vinculada"},
	} {
		w := newTown(t)
		u := link.User{Account: annasPhone, Name: "Аня <b>\u202e", Language: lang}
		s, err := w.desk.Login(t.Context(), u)
		must(t, err)
		b := w.browser(t)
		start := b.Get(s.Buttons[0].URL)
		proof := b.prove(s.Buttons[0].URL, "anna@example.org")
		ask, _, err := w.desk.Started(t.Context(), u, payload(t, proof))
		must(t, err)
		_, err = w.desk.Tap(t.Context(), u, ask.Buttons[0].Data)
		must(t, err)
		done := b.Get(w.web.URL + "/auth/google/proof")
		for i, p := range []pagestest.Page{start, proof, done} {
			if !strings.Contains(p.Body, words[i]) || !strings.Contains(p.Body, `<html lang="`+lang+`">`) {
				t.Errorf("%s: %s", lang, p.Body)
			}
			if strings.Contains(p.Body, "link.") || strings.Contains(p.Body, "<no value>") || strings.Contains(p.Body, "<b>") || strings.Contains(p.Body, "\u202e") {
				t.Errorf("%s shows something raw: %s", lang, p.Body)
			}
		}
	}
	w := newTown(t)
	if p := w.browser(t).Do("GET", w.web.URL+"/auth/google/start", nil, "Accept-Language", "de-AT,de;q=0.9"); !strings.Contains(p.Body, "gilt nicht mehr") {
		t.Errorf("where there is no attempt: %s", p.Body)
	}
	if p := w.browser(t).Get(w.web.URL + "/auth/x/start"); p.Status != 404 || p.Key() != "unknown_service" {
		t.Errorf("%d %s", p.Status, p.Body)
	}
}
