package notice_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"

	"countersign/internal/crash/crashtest"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/notice"
)

// mortal is a board that dies with its n-th message to the others.
func (o *office) mortal(t *testing.T, n int) (*notice.Board, *crashtest.Life) {
	t.Helper()
	life := crashtest.New(t)
	api, err := url.Parse(o.tg.URL())
	must(t, err)
	b, bench := o.at(t, "http://"+life.Wire(t, "tcp", api.Host)), o.Mortal(t, life)
	pool := bench.Pool
	b.Store.Pool, b.Directory, b.Ledger, b.Post.Files, b.Post.Store.Pool, b.Pace.Pool = pool, bench.Directory, bench.DB, bench.Files, pool, pool
	life.EndAfter(n)
	return b, life
}

// TestKilledAtEveryArrowANoticeAndItsAlbumStillArrive: whoever dies between the messenger and
// his note leaves one copy too many at most, and whoever lives sends the rest.
func TestKilledAtEveryArrowANoticeAndItsAlbumStillArrive(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	kills, copies := 0, 0
	for n, alive := 1, false; !alive; n++ {
		note := o.statement(t, 3, "Sales")
		note.Body.Text = fmt.Sprintf("Statement %d", n)
		for i := range note.Body.Files {
			note.Body.Files[i].Name = fmt.Sprintf("Выписка %d-%d.pdf", n, i)
		}
		id := o.add(t, note)
		if alive = !o.dies(t, n); !alive {
			kills++
		}
		for range 5 { // the leases of the dead are over
			o.soon(t)
			o.once(t)
		}
		got := map[string]int{}
		for _, m := range o.tg.Messages(sales) {
			if name := strings.TrimSuffix(m.Text, ".pdf"); m.Text == note.Body.Text || strings.HasPrefix(name, fmt.Sprintf("Выписка %d-", n)) {
				got[name]++
			}
		}
		for what, times := range got {
			if times > 2 || alive && times != 1 {
				t.Errorf("killed after %d messages: %s is there %d times", n, what, times)
			}
			copies += times - 1
		}
		told, err := o.board.Store.Told(t.Context(), ledgertest.Source, id)
		must(t, err)
		if r := told.To[0]; len(got) != 4 || r.State != notice.Sent || r.FilesSent != 3 {
			t.Errorf("killed after %d messages: %v, %+v", n, got, r)
		}
	}
	if kills < 20 || copies == 0 {
		t.Errorf("%d kills, %d copies: none of them between the messenger and the note", kills, copies)
	}
}

// dies lets a board tell what is due until it dies. It reports false when it told all before.
func (o *office) dies(t *testing.T, n int) bool {
	t.Helper()
	b, life := o.mortal(t, n)
	done := make(chan struct{})
	var wg sync.WaitGroup
	t.Cleanup(wg.Wait)
	wg.Go(func() {
		defer close(done)
		for range 2 { // the text, and then its files
			if _, err := b.RunOnce(context.WithoutCancel(t.Context())); err != nil {
				return
			}
		}
	})
	select {
	case <-done:
	case <-life.Over():
	}
	killed := life.Ended()
	life.EndAfter(0)
	o.Buried(t)
	return killed
}
