package asterisk_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"countersign/internal/asterisk"
)

// wanted is where an Asterisk is, as deploy/asterisk/test-server.sh prints it, or "require".
const wanted = "COUNTERSIGN_TEST_ASTERISK"

// own is the account that Asterisk has: a number that nobody else has, in its root or outside.
const own = 64021

// server is an Asterisk with the files of deploy/asterisk and telephones that are part of its dialplan.
type server struct {
	root, in string // the folder seen from inside
	port     string
	process  *os.Process
	gone     chan struct{}
}

func (r *server) path(name ...string) string {
	return filepath.Join(append([]string{r.root, r.in}, name...)...)
}

// root finds the installation, or skips the test loudly.
func root(t *testing.T) string {
	t.Helper()
	dir := os.Getenv(wanted)
	if dir == "require" || dir == "" {
		cache, err := os.UserHomeDir()
		if cache = filepath.Join(cache, ".cache"); os.Getenv("XDG_CACHE_HOME") != "" {
			cache, err = os.Getenv("XDG_CACHE_HOME"), nil
		}
		if err != nil {
			t.Fatal(err)
		}
		dir = filepath.Join(cache, "countersign-ci", "asterisk-bullseye-1")
	}
	var text string
	switch _, err := os.Stat(filepath.Join(dir, "usr/sbin/asterisk")); {
	case runtime.GOOS != "linux" || os.Geteuid() != 0:
		text = "NOT ROOT ON LINUX: the client was not tried on a real Asterisk"
	case err != nil:
		text = "NO ASTERISK: the client was not tried on a real one; deploy/asterisk/test-server.sh installs it"
	default:
		return dir
	}
	without(t, text)
	return ""
}

// without ends a test that this machine cannot run: loudly, and as failed where all is required.
func without(t *testing.T, text string) {
	t.Helper()
	if os.Getenv(wanted) == "require" {
		t.Fatal(text)
	}
	if terminal, err := os.OpenFile("/dev/tty", os.O_WRONLY, 0); err == nil { // go test keeps a skip to itself
		_, _ = fmt.Fprintln(terminal, text)
		_ = terminal.Close()
	}
	t.Skip(text)
}

// deployed is a sample, with some of its text changed: what is changed must be in it.
func deployed(t *testing.T, name string, pairs ...string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "deploy", "asterisk", name))
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("%s does not hold %q", name, pairs[i])
		}
		text = strings.ReplaceAll(text, pairs[i], pairs[i+1])
	}
	return text
}

const realSecret = "a-secret-of-the-test"

// openReal starts one on loopback; rooms is what is changed in the sample of that.
func openReal(t *testing.T, rooms ...string) *server {
	t.Helper()
	r := &server{root: root(t), port: freePort(t)}
	sweep(t, r.root)
	r.in = fmt.Sprintf("/run/countersign-%d-%d", os.Getpid(), rand.IntN(1<<30))
	for _, dir := range []string{"etc", "run", "log", "db", "spool/outgoing", "spool/outgoing_done", "spool/tmp"} {
		must(t, os.MkdirAll(r.path(dir), 0o755))
	}
	t.Cleanup(func() { must(t, os.RemoveAll(r.path())) })
	modules, err := filepath.Glob(filepath.Join(r.root, "usr/lib", "*", "asterisk/modules"))
	if more, _ := filepath.Glob(filepath.Join(r.root, "usr/lib/asterisk/modules")); len(more) > 0 {
		modules = more
	}
	if err != nil || len(modules) != 1 {
		t.Fatal(modules, err)
	}
	phones, err := os.ReadFile("testdata/fake-phone.conf")
	must(t, err)
	loaded, err := os.ReadFile("testdata/modules.conf")
	must(t, err)
	for name, text := range map[string]string{
		"asterisk.conf": fmt.Sprintf("[directories]\nastetcdir => %[1]s/etc\nastmoddir => %[2]s\nastvarlibdir => /var/lib/asterisk\nastdbdir => %[1]s/db\nastkeydir => %[1]s/db\n"+
			"astdatadir => /usr/share/asterisk\nastagidir => /usr/share/asterisk/agi-bin\nastspooldir => %[1]s/spool\nastrundir => %[1]s/run\nastlogdir => %[1]s/log\n"+
			"[options]\nnocolor = yes\nmaxcalls = 50\n", r.in, strings.TrimPrefix(modules[0], r.root)),
		"logger.conf":     "[general]\n[logfiles]\nconsole => notice,warning,error\n",
		"modules.conf":    string(loaded),
		"manager.conf":    deployed(t, "manager.conf", "port = 5038", "port = "+r.port, "change-me", realSecret),
		"confbridge.conf": deployed(t, "confbridge.conf", rooms...),
		"extensions.conf": deployed(t, "extensions.conf", "PJSIP/${EXTEN}@countersign-trunk", "Local/${EXTEN}@fake-phone/n") + string(phones),
	} {
		must(t, os.WriteFile(r.path("etc", name), []byte(text), 0o600))
	}
	must(t, filepath.WalkDir(r.path(), func(name string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(name, own, own)
	}))
	r.start(t)
	t.Cleanup(func() { r.kill(t) })
	return r
}

// freePort gives one to listen on later: of those that the system hands to nobody.
func freePort(t *testing.T) string {
	t.Helper()
	for {
		port := strconv.Itoa(20000 + rand.IntN(12000))
		l, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err == nil {
			must(t, l.Close())
			return port
		}
	}
}

// sweep removes what tests that were killed left behind.
func sweep(t *testing.T, root string) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(root, "run/countersign-*"))
	must(t, err)
	for _, name := range left {
		pid := strings.Split(filepath.Base(name), "-")[1]
		if _, err := os.Stat("/proc/" + pid); err != nil {
			must(t, os.RemoveAll(name))
		}
	}
}

func (r *server) start(t *testing.T) {
	t.Helper()
	said, started := &bytes.Buffer{}, make(chan error)
	gone := make(chan struct{})
	go func() {
		runtime.LockOSThread() // it is told of the end of the thread that started it
		defer runtime.UnlockOSThread()
		defer close(gone)
		cmd := exec.Command("/usr/sbin/asterisk", "-f", "-C", r.in+"/etc/asterisk.conf")
		cmd.Dir, cmd.Env = "/", []string{"PATH=/usr/sbin:/usr/bin", "HOME=/"}
		cmd.Stdout, cmd.Stderr = said, said
		cmd.SysProcAttr = confined(r.root)
		err := cmd.Start()
		r.process = cmd.Process
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
	}()
	must(t, <-started)
	r.gone = gone
	eventually(t, "it listens", func() bool {
		select {
		case <-gone:
			t.Fatalf("Asterisk ended: %s", said)
		default:
		}
		conn, err := net.Dial("tcp", "127.0.0.1:"+r.port)
		if err == nil {
			must(t, conn.Close())
		}
		return err == nil
	})
}

// kill ends it as a power cut does.
func (r *server) kill(t *testing.T) {
	t.Helper()
	if err := r.process.Signal(syscall.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Error(err)
	}
	<-r.gone
}

// command has it do something as an administrator at its console does.
func (r *server) command(t *testing.T, words string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "chroot", fmt.Sprintf("--userspec=%d:%[1]d", own), r.root, "/usr/sbin/asterisk", "-C", r.in+"/etc/asterisk.conf", "-rx", words)
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", words, err, said)
	}
}

func (r *server) options() asterisk.Options {
	return asterisk.Options{Address: "127.0.0.1:" + r.port, User: "countersign", Secret: realSecret, Now: time.Now, Pause: 10 * time.Millisecond, Longest: 100 * time.Millisecond}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-deadline.C:
			t.Fatalf("still not so: %s", what)
		case <-tick.C:
		}
	}
}
