package chat_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/approval"
	"countersign/internal/card"
	"countersign/internal/chat"
	"countersign/internal/inbox"
	tracks "countersign/internal/journal"
	"countersign/internal/ledger"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/locale/localetest"
	"countersign/internal/pace"
	"countersign/internal/postgres"
	"countersign/internal/postgres/postgrestest"
	"countersign/internal/secret"
	"countersign/internal/telegram"
)

const (
	connections = 32
	holders     = 200 // people who tap
)

// holder is the account of a person who may decide on the i-th payment.
func holder(i int) int64 { return int64(100_000 + i%holders) }

// desk is the way of a tap, on a cluster that flushes every commit: the webhook, the
// inbox, the ledger, and a Bot API that only takes answers. No courier runs.
type desk struct {
	*ledgertest.Bench

	cluster *postgres.Instance
	url     string
	secret  string
	door    *chat.Door

	kept atomic.Pointer[tracks.Journal] // nil: nobody keeps a journal

	benched int // how many cases each client of pgbench has decided

	mu      sync.Mutex
	started map[string]*waiting // by the id of the tap
	took    []time.Duration
}

// waiting is a tap on its way.
type waiting struct {
	since time.Time
	done  chan struct{}
}

func newDesk(b *testing.B) *desk {
	b.Helper()
	cluster := postgrestest.Open(b, postgres.Options{})
	log := slog.New(slog.DiscardHandler)
	if _, err := ledger.Migrate(b.Context(), cluster.OwnerDSN(), log); err != nil {
		b.Fatal(err)
	}
	d := &desk{
		Bench: ledgertest.On(b, cluster.OwnerDSN(), cluster.AppDSN()), cluster: cluster,
		started: map[string]*waiting{}, secret: strings.Repeat("s", 32),
	}
	d.Furnish(b)
	for i := range holders {
		d.Import(b, ledgertest.User(fmt.Sprintf("holder%d", i), "Holder", fmt.Sprintf("budget_holder@CC-%d", i), holder(i)))
	}
	api := httptest.NewServer(http.HandlerFunc(d.api))
	b.Cleanup(api.Close)
	client, err := telegram.New(telegram.Options{Token: "42:bench", APIURL: api.URL, Log: log, Note: d.call, Now: time.Now})
	if err != nil {
		b.Fatal(err)
	}
	texts := localetest.Texts(b)
	d.Now, d.Directory.Now = time.Now, time.Now
	x := &inbox.Inbox{Pool: d.Pool, Bot: 42, Bell: d.Bell, Now: time.Now, Log: log, Ended: d.update}
	d.door = &chat.Door{
		Ledger: d.DB, Directory: d.Directory, Inbox: x, Dialogs: &chat.Dialogs{Pool: d.Pool}, Telegram: client,
		Pace: &pace.Pace{Pool: d.Pool}, Texts: texts, Secret: secret.Text(d.secret), Bot: 42,
		Username: func() string { return "bench_bot" }, Zone: time.UTC, Now: time.Now, Log: log,
	}
	x.Handle = d.door.Handle
	ctx, cancel := context.WithCancel(b.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _ = x.Run(ctx) })
	b.Cleanup(func() { cancel(); wg.Wait() })
	srv := httptest.NewServer(http.HandlerFunc(d.door.Webhook))
	b.Cleanup(srv.Close)
	d.url = srv.URL
	return d
}

// api takes the answer to a tap: it follows the commit.
func (d *desk) api(w http.ResponseWriter, r *http.Request) {
	id := r.FormValue("callback_query_id")
	now := time.Now()
	d.mu.Lock()
	if tap, ok := d.started[id]; ok {
		d.took = append(d.took, now.Sub(tap.since))
		delete(d.started, id)
		close(tap.done)
	}
	d.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"ok":true,"result":true}`)
}

// taps gives n taps, each the first vote on a payment of its own.
func (d *desk) taps(b *testing.B, n, from int) []string {
	b.Helper()
	out := make([]string, n)
	var wg sync.WaitGroup
	for part := range 4 {
		wg.Go(func() {
			for i := part; i < n; i += 4 {
				doc := ledgertest.Payment(fmt.Sprint(from + i))
				doc.CostCenter = fmt.Sprintf("CC-%d", i%holders)
				st, err := d.Submit(b.Context(), ledger.Submission{Key: ledgertest.Key(fmt.Sprint(from + i)), Document: doc})
				if err != nil {
					b.Error(err)
					return
				}
				tap := card.Tap{Case: st.Case.ID, Round: 1, Revision: 1, Verdict: approval.Accept}
				out[i] = callback(int64(from+i+1), holder(i), "", fmt.Sprintf(
					`,"message":{"message_id":%d,"date":1,"chat":{"id":%d,"type":"private"},"from":{"id":42,"is_bot":true,"first_name":"b"}}`,
					from+i+1, holder(i)), tap.String())
				out[i] = strings.Replace(out[i], `"id":"77"`, fmt.Sprintf(`"id":"q%d"`, from+i), 1)
			}
		})
	}
	wg.Wait()
	return out
}

// press sends the taps over so many connections; each waits for the answer to one before
// it sends the next.
func (d *desk) press(b *testing.B, taps []string, from, conns int) time.Duration {
	b.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: conns, MaxConnsPerHost: conns}}
	next := make(chan int)
	var wg sync.WaitGroup
	begin := time.Now()
	for range conns {
		wg.Go(func() {
			for i := range next {
				tap := &waiting{since: time.Now(), done: make(chan struct{})}
				d.mu.Lock()
				d.started[fmt.Sprintf("q%d", from+i)] = tap
				d.mu.Unlock()
				if err := d.send(b.Context(), client, taps[i]); err != nil {
					b.Error(err)
					return
				}
				<-tap.done
			}
		})
	}
	for i := range taps {
		next <- i
	}
	close(next)
	wg.Wait()
	return time.Since(begin)
}

func (d *desk) send(ctx context.Context, client *http.Client, body string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.url, bytes.NewReader([]byte(body)))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set(secretHeader, d.secret)
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	return nil
}

func (d *desk) percentile(p float64) float64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	slices.Sort(d.took)
	if len(d.took) == 0 {
		return 0
	}
	return float64(d.took[min(len(d.took)-1, int(p*float64(len(d.took))))].Microseconds()) / 1000
}

// BenchmarkTap measures taps over 32 connections, from the webhook's POST to the answer
// that follows the commit, against the same SQL statement by statement from pgbench, on
// the same cluster and at the same number of connections, interleaved.
func BenchmarkTap(b *testing.B) {
	d := newDesk(b)
	const round = 2000
	d.fillClients(b, 5000)
	d.press(b, d.taps(b, 500, 0), 0, connections) // warm
	d.took = nil
	var ours, theirs []float64
	from := 500
	for b.Loop() {
		b.StopTimer()
		taps := d.taps(b, round, from)
		b.StartTimer()
		took := d.press(b, taps, from, connections)
		b.StopTimer()
		from += round
		ours = append(ours, round/took.Seconds())
		theirs = append(theirs, d.pgbench(b, tapSQL, round))
		b.StartTimer()
	}
	b.ReportMetric(median(ours), "taps/s")
	b.ReportMetric(median(theirs), "pgbench/s")
	b.ReportMetric(median(ours)/median(theirs), "ratio")
	b.ReportMetric(d.percentile(.5), "p50-ms")
	b.ReportMetric(d.percentile(.99), "p99-ms")
}

// BenchmarkIntake measures what the webhook stores over 32 connections against a handler
// with one INSERT a request, interleaved.
func BenchmarkIntake(b *testing.B) {
	d := newDesk(b)
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			head, _ := telegram.Envelope(body)
			_, err = d.Pool.Exec(r.Context(), `insert into telegram_update (bot_id, update_id, fast, actor, body, received_at, next_at)
				values (43, $1, true, $2, $3, now(), 'infinity') on conflict do nothing`, head.ID, head.Actor, body)
		}
		if err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	b.Cleanup(plain.Close)
	d.door.Inbox.Handle = func(_ context.Context, it *inbox.Item) (string, error) { // not worked off here
		it.Done(func(error) string { return "" })(&pgx.Batch{}, nil)
		return "", nil
	}
	const round = 5000
	ourURL, id := d.url, int64(0)
	run := func(url string) float64 {
		d.url = url
		bodies := make([]string, round)
		for i := range bodies {
			id++
			bodies[i] = callback(id, 1000+id, "", strings.Repeat(" ", 700), "x")
		}
		return round / d.intake(b, bodies).Seconds()
	}
	run(ourURL)
	run(plain.URL)
	var ours, theirs []float64
	for b.Loop() {
		ours = append(ours, run(ourURL))
		theirs = append(theirs, run(plain.URL))
	}
	b.ReportMetric(median(ours), "updates/s")
	b.ReportMetric(median(theirs), "insert/s")
	b.ReportMetric(median(ours)/median(theirs), "ratio")
}

func (d *desk) intake(b *testing.B, bodies []string) time.Duration {
	b.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections, MaxConnsPerHost: connections}}
	next := make(chan string)
	var wg sync.WaitGroup
	begin := time.Now()
	for range connections {
		wg.Go(func() {
			for body := range next {
				if err := d.send(b.Context(), client, body); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for _, body := range bodies {
		next <- body
	}
	close(next)
	wg.Wait()
	return time.Since(begin)
}

// BenchmarkTapGrowth compares the tap with 1,000 and with 1,000,000 documents in the
// tables. COUNTERSIGN_BENCH_DOCUMENTS sets the larger number; it takes minutes.
func BenchmarkTapGrowth(b *testing.B) {
	many, err := strconv.Atoi(os.Getenv("COUNTERSIGN_BENCH_DOCUMENTS"))
	if err != nil {
		many = 1_000_000
	}
	const round = 1000
	small, large := newDesk(b), newDesk(b)
	small.fill(b, 1000)
	large.fill(b, many)
	small.press(b, small.taps(b, 300, 0), 0, 4)
	large.press(b, large.taps(b, 300, 0), 0, 4)
	var a, z []float64
	from := 300
	for b.Loop() {
		a = append(a, small.press(b, small.taps(b, round, from), from, 4).Seconds())
		z = append(z, large.press(b, large.taps(b, round, from), from, 4).Seconds())
		from += round
	}
	b.ReportMetric(median(z)/median(a), "ratio")
	b.ReportMetric(float64(many), "documents")
}

func median(v []float64) float64 {
	s := slices.Clone(v)
	slices.Sort(s)
	if len(s) == 0 {
		return 0
	}
	return s[len(s)/2]
}
