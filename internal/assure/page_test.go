package assure_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"countersign/internal/assure"
	"countersign/internal/google/googletest"
)

// The attempt knows the language, whatever the browser asks for.
func TestPagesSpeakTheLanguageOfTheChat(t *testing.T) {
	t.Parallel()
	for lang, words := range map[string][]string{
		"en": {"Confirm your decision", "This PIN is wrong. 4 tries left", "Your decision", "Sign in to change", "What you confirm with", "Too many wrong PINs", "no longer valid"},
		"ru": {"Подтвердите решение", "Неверный PIN-код. Осталось 4 попытки", "Ваше решение", "Войдите, чтобы изменить", "Чем вы подтверждаете", "Слишком много неверных", "больше не действует"},
		"de": {"Entscheidung bestätigen", "Die PIN ist falsch. Noch 4 Versuche", "Ihre Entscheidung", "Anmelden, um die Sicherheit", "Womit Sie bestätigen", "Zu viele falsche PINs", "gilt nicht mehr"},
		"es": {"Confirme su decisión", "El PIN es incorrecto. Quedan 4 intentos", "Su decisión", "Inicie sesión para cambiar", "Con qué confirma", "Demasiados PIN incorrectos", "ya no es válida"},
	} {
		t.Run(lang, func(t *testing.T) {
			t.Parallel()
			w := newTown(t)
			w.secure(t, assure.PIN, assure.TOTP)
			a := w.ask()
			a.Language = lang
			b := w.browser(t)
			start := b.get(w.begin(t, a))
			wrong := b.post(start, "pin", "pin", "111119")
			done := b.send(start, "pin", "pin", goodPIN)
			address, err := w.desk.Enroll(t.Context(), a.Person, a.Account, lang)
			must(t, err)
			enter := b.get(address)
			setup := b.login(enter, "anna@example.org")
			a.No = 1
			next := b.get(w.begin(t, a))
			var locked page
			for range 5 {
				locked = b.post(next, "pin", "pin", "111119")
			}
			stale := b.do(http.MethodGet, w.web.URL+"/confirm", nil, "Accept-Language", lang)
			for i, p := range []page{start, wrong, done, enter, setup, locked, stale} {
				if !strings.Contains(p.Body, words[i]) || !strings.Contains(p.Body, `<html lang="`+lang+`">`) {
					t.Errorf("%s not: %s", words[i], p.Body)
				}
				if strings.Contains(p.Body, "assure.") || strings.Contains(p.Body, "no value") || strings.Contains(p.Body, "ZgotmplZ") || strings.Contains(p.Body, "<b>") {
					t.Errorf("something raw: %s", p.Body)
				}
			}
		})
	}
}

// What cannot be described is confirmed by nobody: he would not know what.
func TestNothingIsConfirmedBlindly(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.secure(t, assure.PIN)
	a := w.ask()
	a.Case = other
	if p := w.browser(t).get(w.begin(t, a)); p.Status != http.StatusServiceUnavailable || p.Key() != "away" || strings.Contains(p.Body, "<form") {
		t.Errorf("%d %s", p.Status, p.Body)
	}
}

func TestServiceThatIsAwayIsNamedAndTheOtherWaysStay(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.secure(t, assure.PIN)
	w.google.Break(googletest.Discovery, googletest.Status)
	w.desk.Services[0] = w.provider() // one that has heard nothing yet
	p := w.browser(t).get(w.begin(t, w.ask()))
	if p.Key() != "confirm" || !strings.Contains(p.Body, "Google cannot be reached") || !strings.Contains(p.Body, "/confirm/pin") || strings.Contains(p.Body, "/confirm/login") {
		t.Errorf("%d %s", p.Status, p.Body)
	}
}

// Every page that only says something has its words in every language.
func TestEveryPageHasItsWords(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	for _, tag := range []string{"en", "ru", "de", "es"} {
		lang := w.desk.Texts.For(tag)
		for _, key := range []string{"confirm", "again", "done", "working", "enter", "setup", "stale", "foreign", "no_cookie", "other_browser", "other_person", "away", "too_many", "canceled", "unreachable", "refused", "old_login"} {
			if !lang.Has("assure.page." + key + ".title") {
				t.Errorf("%s: no title of %s", tag, key)
			}
		}
	}
}

// A vote that is under way shows that it is, and the page goes on by itself.
func TestVoteUnderWayIsShown(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.secure(t, assure.PIN)
	b := w.browser(t)
	address := w.begin(t, w.ask())
	p := b.get(address)
	begun, end := make(chan bool), make(chan bool)
	w.desk.Cast = func(context.Context, assure.Ask, string) (string, error) {
		close(begun)
		<-end
		return "", errors.New("away")
	}
	answered := make(chan page)
	go func() { answered <- b.send(p, "pin", "pin", goodPIN) }()
	<-begun
	if now := b.get(address); now.Key() != "working" || !strings.Contains(now.Body, `http-equiv="refresh"`) {
		t.Errorf("%s", now.Body)
	}
	for _, act := range []string{"pin", "again"} {
		if out := b.send(p, act, "pin", goodPIN); out.Key() != "working" {
			t.Errorf("%s meanwhile: %d %s", act, out.Status, out.Body)
		}
	}
	close(end)
	if out := <-answered; out.Key() != "again" {
		t.Errorf("%s", out.Body)
	}
}
