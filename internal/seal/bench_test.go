//go:build linux

package seal_test

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"countersign/internal/ledger/ledgertest"
	"countersign/internal/seal"
	"countersign/internal/secret"
)

const childFile = "SEAL_TEST_FILE"

// TestMain is also another process at the same key file, when a test starts it as one.
func TestMain(m *testing.M) {
	if path := os.Getenv(childFile); path != "" {
		if err := beProcess(path, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// beProcess answers lines: "start" opens or makes the key file, "seal TEXT" gives what
// came of it in hex, "open HEX" the text.
func beProcess(path string, in io.Reader, out io.Writer) error {
	var s *seal.Seal
	fmt.Fprintln(out, "here")
	for lines := bufio.NewScanner(in); lines.Scan(); {
		verb, text, _ := strings.Cut(lines.Text(), " ")
		answer := "ok"
		var err error
		switch verb {
		case "start":
			s, err = seal.Open(seal.Options{File: path, Create: true})
		case "seal":
			var sealed []byte
			sealed, err = s.Seal(secret.Text(text), place("1"))
			answer = hex.EncodeToString(sealed)
		case "open":
			var raw []byte
			raw, err = hex.DecodeString(text)
			if err == nil {
				var plain secret.Text
				plain, err = s.Open(raw, place("1"))
				answer = plain.Reveal()
			}
		}
		if err != nil {
			answer = "error " + err.Error()
		}
		fmt.Fprintln(out, answer)
	}
	return nil
}

// process is another process at the same key file.
type process struct {
	in  io.WriteCloser
	out *bufio.Scanner
}

func newProcess(t *testing.T, path string) *process {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childFile+"="+path)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	p := &process{in: in, out: bufio.NewScanner(out)}
	t.Cleanup(func() {
		_ = in.Close()
		if err := cmd.Wait(); err != nil && !errors.Is(err, context.Canceled) && t.Context().Err() == nil {
			t.Error(err)
		}
	})
	if got := p.answer(t); got != "here" {
		t.Fatalf("the process says %q", got)
	}
	return p
}

func (p *process) tell(t *testing.T, line string) {
	t.Helper()
	_, err := fmt.Fprintln(p.in, line)
	must(t, err)
}

func (p *process) answer(t *testing.T) string {
	t.Helper()
	if !p.out.Scan() {
		t.Fatalf("the process is silent: %v", p.out.Err())
	}
	return p.out.Text()
}

func (p *process) ask(t *testing.T, line string) string {
	t.Helper()
	p.tell(t, line)
	return p.answer(t)
}

func place(row string) seal.Place {
	return seal.Place{Table: "webhook_secret", Column: "sealed", Row: row}
}

func keyPath(tb testing.TB) string {
	tb.Helper()
	return filepath.Join(tb.TempDir(), "seal.key")
}

// newSeal opens a new key file.
func newSeal(tb testing.TB) *seal.Seal {
	tb.Helper()
	return open(tb, keyPath(tb))
}

func open(tb testing.TB, path string) *seal.Seal {
	tb.Helper()
	s, err := seal.Open(seal.Options{File: path, Create: true})
	must(tb, err)
	return s
}

// desk is a database with the key file of a service over it.
type desk struct {
	pool  *pgxpool.Pool // as the service
	owner *pgxpool.Pool
	path  string
	*seal.Seal
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	owner, app := ledgertest.Database(t)
	d := &desk{pool: connect(t, app), owner: connect(t, owner), path: keyPath(t)}
	d.Seal = d.start(t)
	return d
}

func (d *desk) start(t *testing.T) *seal.Seal {
	t.Helper()
	s, err := seal.Start(t.Context(), d.pool, seal.Options{File: d.path, Create: true})
	must(t, err)
	return s
}

// put stores a sealed value for a bot.
func (d *desk) put(t *testing.T, bot int, sealed []byte) error {
	t.Helper()
	_, err := d.pool.Exec(t.Context(), `insert into telegram_secret (bot_id, sealed) values ($1, $2)
		on conflict (bot_id) do update set sealed = excluded.sealed`, bot, sealed)
	return err
}

func connect(t *testing.T, url string) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), url)
	must(t, err)
	t.Cleanup(pool.Close)
	return pool
}

func sealed(tb testing.TB, s *seal.Seal, plain string, at seal.Place) []byte {
	tb.Helper()
	out, err := s.Seal(secret.Text(plain), at)
	must(tb, err)
	return out
}

func keyOf(tb testing.TB, sealed []byte) uint32 {
	tb.Helper()
	id, err := seal.KeyID(sealed)
	must(tb, err)
	return id
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
