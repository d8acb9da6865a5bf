package videowatch_test

import (
	"fmt"
	"strings"
	"testing"

	"countersign/internal/goldentest"
	"countersign/internal/notice"
	"countersign/internal/people"
	"countersign/internal/trueconf/trueconftest"
	"countersign/internal/videowatch"
)

// deliver sends all that there is to tell.
func deliver(t *testing.T, board *notice.Board) {
	t.Helper()
	for n := 1; n > 0; {
		var err error
		n, err = board.RunOnce(t.Context())
		must(t, err)
	}
}

// TestNewsOfServersReadAsWritten shows each text to somebody of each language, as it arrives.
func TestNewsOfServersReadAsWritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t, trueconftest.Options{})
	tongues := map[string]int64{"ada": 1, "oleg": 2, "vera": 3, "otto": 4}
	var readers []people.ID
	for id, account := range tongues {
		u := user(id, account, "video_administrator")
		u.Locale = map[int64]string{1: "en", 2: "ru", 3: "de", 4: "es"}[account]
		w.Import(t, u)
		readers = append(readers, w.who[id].ID)
	}
	tg, board := w.messenger(t)
	for _, body := range videowatch.Album() {
		_, err := w.watch.Notices.Add(t.Context(), w.Pool, notice.New{Class: notice.Info, To: notice.To{People: readers}, Body: body})
		must(t, err)
		deliver(t, board)
	}
	for id, account := range tongues {
		var out strings.Builder
		for _, m := range tg.Messages(account) {
			if m.From == tg.BotID() {
				fmt.Fprintf(&out, "%s\n\n", m.Text)
			}
		}
		if strings.Contains(out.String(), "{{") || strings.Contains(out.String(), "watch.") {
			t.Errorf("%s: a placeholder or a key is left in a text", id)
		}
		goldentest.Same(t, "news."+map[int64]string{1: "en", 2: "ru", 3: "de", 4: "es"}[account], out.String())
	}
}
