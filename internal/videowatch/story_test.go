package videowatch_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"countersign/internal/calendar"
	"countersign/internal/directory"
	"countersign/internal/locale/localetest"
	"countersign/internal/notice"
	"countersign/internal/pace"
	"countersign/internal/people"
	"countersign/internal/post"
	"countersign/internal/secret"
	"countersign/internal/telegram"
	"countersign/internal/telegram/telegramtest"
	"countersign/internal/trueconf/trueconftest"
	"countersign/internal/videowatch"
)

// messenger is a Telegram in which those who are told have pressed Start.
func (w *world) messenger(t *testing.T) (*telegramtest.Server, *notice.Board) {
	t.Helper()
	tg, err := telegramtest.Open(telegramtest.Options{})
	must(t, err)
	t.Cleanup(func() { _ = tg.Close() })
	for account, name := range map[int64]string{1: "Ada", 2: "Oleg", 3: "Vera", 4: "Otto"} {
		tg.User(account, name, "en")
		_, err := tg.StartBot(account, "")
		must(t, err)
	}
	texts := localetest.Texts(t)
	client, err := telegram.New(telegram.Options{Token: secret.Text(tg.Token()), APIURL: tg.URL(), Log: slog.New(slog.DiscardHandler)})
	must(t, err)
	t.Cleanup(client.Close)
	return tg, &notice.Board{
		Store: w.watch.Notices, Directory: w.Directory, Ledger: w.DB, Texts: texts, Language: "en", Office: calendar.Standard(time.UTC),
		Post: &post.Post{Telegram: client, Files: w.Files, Store: &post.Store{Pool: w.Pool}, Bot: client.BotID(), Log: slog.New(slog.DiscardHandler)},
		Pace: &pace.Pace{Pool: w.Pool, Limits: pace.Limits{PerBot: 1_000_000, PerChat: 1_000_000, PerGroupMinute: 1000}},
		Now:  w.Clock.Now, Log: slog.New(slog.DiscardHandler),
	}
}

// What somebody reads: in his language, in his quiet hours without a sound but for what is
// down, and with nothing of a conference's name taken for ours.
func TestWhatPeopleRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, trueconftest.Options{}, stopping(30*time.Minute))
	ru := user("oleg", 2, "video_operator@"+office)
	ru.Locale = "ru"
	w.Import(t, ru)
	_, err := w.Directory.Set(t.Context(), "test", w.who["ada"].ID, func(s *directory.Setting) { s.Quiet = people.Quiet{From: 8 * 60, To: 10 * 60} }) // it is nine
	must(t, err)
	tg, board := w.messenger(t)
	w.tc.Put(trueconftest.Conference{
		ID: room, Topic: "<i>Plan</i> & </b>\u202egnp", Owner: "anna", Running: true, Recording: true, Started: time.Now().Add(-125 * time.Minute),
		People: []trueconftest.Person{{ID: "#guest:1@srv.example", Name: "Ann"}, {ID: "#guest:2@srv.example", Name: "Bob"}},
	})
	w.scan(t)
	w.check(t, 2)
	w.tc.Client("another", "secret")
	w.tc.Revoke()
	w.check(t, 2)
	deliver(t, board)
	for account, want := range map[int64][]struct {
		silent bool
		holds  []string
	}{
		1: {
			{true, []string{"🕰 Head office: a conference may have been left running.\n<i>Plan</i> & </b>gnp\nOwner: anna", "Running for: 2 h 5 min", "People in it: 2. There is no moderator among them.", "Recording: yes", "stopped in 30 min."}},
			{false, []string{"🔴 Head office: this bot can no longer log in.", "client id and secret"}},
		},
		2: {
			{false, []string{"🕰 Head office: похоже, конференцию забыли завершить.\n<i>Plan</i> & </b>gnp\nВладелец: anna", "Идёт уже: 2 ч 5 мин", "Запись: да", "через 30 мин"}},
			{false, []string{"🔴 Head office: этот бот больше не может войти", "идентификатор и секрет"}},
		},
	} {
		var said []telegramtest.Message
		for _, m := range tg.Messages(account) {
			if m.From == tg.BotID() {
				said = append(said, m)
			}
		}
		if len(said) != len(want) {
			t.Errorf("%d was told %d times", account, len(said))
			continue
		}
		for i, m := range said {
			for _, part := range want[i].holds {
				if !strings.Contains(m.Text, part) || strings.Contains(m.Text, "{{") {
					t.Errorf("%d: %q is not in %q", account, part, m.Text)
				}
			}
			if m.Silent != want[i].silent {
				t.Errorf("%d: silent %t: %q", account, m.Silent, m.Text)
			}
		}
	}
}

// Every text that is sent has all that it names, in every language.
func TestEveryTextIsFilled(t *testing.T) {
	t.Parallel()
	texts := localetest.Texts(t)
	for _, b := range videowatch.Bodies() {
		for _, tag := range texts.Languages() {
			lang, data := texts.For(tag), map[string]any{}
			for name, value := range b.Data {
				data[name] = value
			}
			for name := range b.Times {
				data[name] = "1"
			}
			for name := range b.Spans {
				data[name] = "1"
			}
			for name, key := range b.Words {
				if data[name] = lang.T(key, data); data[name] == key {
					t.Errorf("%s: there is no text %s", tag, key)
				}
			}
			if text := lang.T(b.Key, data); text == b.Key || strings.Contains(text, "{{") {
				t.Errorf("%s: %s says %q", tag, b.Key, text)
			}
		}
	}
}
