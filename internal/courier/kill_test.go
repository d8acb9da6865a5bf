package courier_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"countersign/internal/approval"
	"countersign/internal/card"
	"countersign/internal/courier"
	"countersign/internal/crash"
	"countersign/internal/directory"
	"countersign/internal/document"
	"countersign/internal/file"
	"countersign/internal/ledger"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/locale"
	"countersign/internal/pace"
	"countersign/internal/post"
	"countersign/internal/secret"
	"countersign/internal/telegram"
	"countersign/internal/telegram/telegramtest"
	"countersign/internal/wake"
	"countersign/web"
)

// victim makes the test binary a process that draws once and dies on the way.
const victim = "COUNTERSIGN_TEST_VICTIM"

func TestMain(m *testing.M) {
	if os.Getenv(victim) != "" {
		if err := drawOnce(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(3)
		}
		os.Exit(0)
	}
	flag.Parse()
	for name, value := range map[string]string{"rapid.checks": "20", "rapid.steps": "20", "rapid.nofailfile": "true"} { // each has a database's work to do
		if f := flag.Lookup(name); f.Value.String() == f.DefValue {
			if err := f.Value.Set(value); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
		}
	}
	os.Exit(m.Run())
}

// drawOnce is the victim: a courier as the gateway makes it.
func drawOnce() error {
	ctx := context.Background()
	points, err := crash.Parse(os.Getenv("VICTIM_CRASH"))
	if err != nil {
		return err
	}
	micros, err := strconv.ParseInt(os.Getenv("VICTIM_TIME"), 10, 64)
	if err != nil {
		return err
	}
	var clock atomic.Int64
	clock.Store(micros)
	now := func() time.Time { return time.UnixMicro(clock.Add(1)) }
	config, err := pgxpool.ParseConfig(os.Getenv("VICTIM_DATABASE"))
	if err != nil {
		return err
	}
	config.ConnConfig.RuntimeParams["application_name"] = victim
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return err
	}
	defer pool.Close()
	texts, err := locale.Load(web.Locales())
	if err != nil {
		return err
	}
	client, err := telegram.New(telegram.Options{Token: secret.Text(os.Getenv("VICTIM_TOKEN")), APIURL: os.Getenv("VICTIM_API")})
	if err != nil {
		return err
	}
	people := &directory.Store{Pool: pool, Now: now}
	files := &file.Store{Pool: pool, Now: now, Max: 25 << 20}
	c := &courier.Courier{
		Ledger:    &ledger.DB{Pool: pool, Directory: people, Files: files, Now: now, Bell: &wake.Bell{}},
		Directory: people, Store: &courier.Store{Pool: pool},
		Post: &post.Post{Telegram: client, Files: files, Store: &post.Store{Pool: pool}, Bot: client.BotID(), Log: logger()},
		Pace: &pace.Pace{Pool: pool, Now: now, Limits: wide}, Texts: texts, GroupLang: "en", Bot: client.BotID(),
		Username: func() string { return "countersign_bot" }, Zone: time.UTC, Bell: &wake.Bell{}, Crash: points, Now: now, Log: logger(),
	}
	_, err = c.RunOnce(ctx)
	return err
}

// start makes a process that draws what is due and dies at a point, "" for none.
func (o *office) start(t *testing.T, point string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), victim+"=1", "VICTIM_CRASH="+point, "VICTIM_DATABASE="+o.AppURL, "VICTIM_API="+o.tg.URL(),
		"VICTIM_TOKEN="+o.tg.Token(), "VICTIM_TIME="+strconv.FormatInt(o.Clock.Now().UnixMicro(), 10))
	cmd.Stderr = os.Stderr
	must(t, cmd.Start())
	return cmd
}

// died waits for the end of a process, and of what it had asked of the database, and
// tells whether it was killed.
func (o *office) died(t *testing.T, cmd *exec.Cmd) bool {
	t.Helper()
	err := cmd.Wait()
	o.until(t, func() bool {
		var n int
		must(t, o.Pool.QueryRow(t.Context(), `select count(*) from pg_stat_activity where application_name = $1 and datname = current_database()`,
			victim).Scan(&n))
		return n == 0
	})
	if err == nil {
		return false
	}
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("the process ended with %v", err)
	}
	return true
}

func TestKilledAfterEveryStepAnotherCourierShowsExactlyTheCards(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.bind(t, group, 0)
	kills := 0
	for _, point := range []crash.Point{crash.CardClaimed, crash.CardSent, crash.CardNoted} {
		for _, stage := range []string{"new", "changed"} {
			for n := 1; ; n++ {
				name := fmt.Sprintf("%s-%s-%d", strings.ReplaceAll(string(point), ".", "-"), stage, n)
				st := o.withFile(t, name)
				if stage == "changed" {
					o.calm(t)
					o.Vote(t, name, ledgertest.Budget, approval.Accept, "")
				}
				killed := o.died(t, o.start(t, fmt.Sprintf("%s:%d", point, n)))
				o.recover(t, name, st.Case.ID)
				if !killed {
					break
				}
				kills++
			}
		}
	}
	if kills < 10 { // sends and edits alone are more
		t.Errorf("only %d processes were killed", kills)
	}
}

// TestKilledWithACallOnItsWay kills a process while the messenger has its call in hand:
// the call takes effect when nobody is there to hear of it.
func TestKilledWithACallOnItsWayTheCopyFollowsOnceItIsTapped(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.bind(t, group, 0)
	for _, method := range []string{"sendMessage", "sendDocument", "editMessageText"} {
		for n := range 2 {
			name := fmt.Sprintf("%s-%d", method, n)
			st := o.withFile(t, name)
			if method == "editMessageText" {
				o.calm(t)
				o.Vote(t, name, ledgertest.Budget, approval.Accept, "")
			}
			slow := make(chan struct{})
			before := len(o.tg.CallsOf(method))
			for range n {
				o.tg.FailNext(method, none())
			}
			o.tg.FailNext(method, telegramtest.Fault{Hold: slow, Effect: true})
			cmd := o.start(t, "")
			must(t, o.tg.WaitFor(limited(t), func() bool { return len(o.tg.CallsOf(method)) > before+n }))
			must(t, cmd.Process.Kill())
			if !o.died(t, cmd) {
				t.Errorf("%s survived", name)
			}
			close(slow)
			o.recover(t, name, st.Case.ID)
		}
	}
}

// recover lets the living make good what the dead left: after the lease, and after taps
// on the messages that nobody noted.
func (o *office) recover(t *testing.T, name string, id approval.ID) {
	t.Helper()
	o.calm(t)
	o.adoptAll(t, name)
	o.calm(t)
	o.shows(t, id, 2)
	o.revise(t, name, func(d *document.Document) { d.Title = "Afterwards"; d.Files = o.filesOf(t, name) })
	o.calm(t)
	o.shows(t, id, 2)
}

func (o *office) filesOf(t *testing.T, name string) []document.File {
	t.Helper()
	st, err := o.Document(t.Context(), ledgertest.Key(name))
	must(t, err)
	return st.Document.Files
}

// adoptAll taps every message that asks about a document.
func (o *office) adoptAll(t tb, number string) {
	t.Helper()
	for account := range staff() {
		for _, m := range o.cards(account, number) {
			for _, line := range m.Keyboard {
				for _, b := range line {
					tap, err := card.ParseTap(b.Data)
					if err != nil {
						continue
					}
					if err := o.courier.Adopt(t.Context(), account, m.ID, tap); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
	}
}
