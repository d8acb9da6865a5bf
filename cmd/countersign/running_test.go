package main

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// TestShuttingDownActsOnWhatComesInUntilTheDoorIsClosed: while a load balancer has not
// noticed yet, documents are still taken, and their cards are sent before the end.
func TestShuttingDownActsOnWhatComesInUntilTheDoorIsClosed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "webhook", 1)
	w.extra = []string{"COUNTERSIGN_SERVER_DRAIN_DELAY=4s"}
	first := w.replicas[0]
	r := w.start("")
	first.stop(syscall.SIGTERM)
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	refusing := func() bool {
		resp, err := http.Get(r.url + "/readyz")
		return err == nil && resp.Body.Close() == nil && resp.StatusCode == http.StatusServiceUnavailable
	}
	pauseUntil(refusing, patience)
	w.post("d", payment("D-1", "10.00"))
	w.seesCard(pyotr, "D-1")
	<-r.done
	if code := r.cmd.ProcessState.ExitCode(); code != exitOK {
		t.Errorf("exit code %d after SIGTERM:\n%s", code, r.log())
	}
}

func TestCommandsWorkOnThePrivateDatabaseBesideTheGatewayThatRunsIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "polling", 1)
	data := t.TempDir()
	if err := os.Chmod(filepath.Dir(data), 0o755); err != nil { // the server's account must reach it
		t.Fatal(err)
	}
	own := []string{"COUNTERSIGN_DATABASE_URL=", "COUNTERSIGN_DATABASE_OWNER_URL=", "COUNTERSIGN_DATA_DIR=" + data}
	w.replicas[0].stop(syscall.SIGTERM)
	w.extra = own
	w.command("users", "import", "--dry-run", w.csv)
	if out := w.command("users", "list"); strings.Contains(out, "petrov") {
		t.Errorf("a dry run added people: %s", out)
	}
	r := w.start("")
	w.command("users", "import", w.csv)
	if out := w.command("users", "list"); !strings.Contains(out, "petrov") {
		t.Errorf("users list: %s", out)
	}
	if out := w.command("healthcheck", "--url", r.url); !strings.Contains(out, "ready") {
		t.Errorf("healthcheck: %s", out)
	}
	if out := w.command("keys", "rotate", "--retire"); !strings.Contains(out, "1 secrets sealed with it") || !strings.Contains(out, "1 old keys removed") {
		t.Errorf("keys rotate: %s", out) // the one secret is that of the webhook
	}
	r.stop(syscall.SIGTERM)
	again := w.start("") // with the new key
	if out := w.command("healthcheck", "--url", again.url); !strings.Contains(out, "ready") {
		t.Errorf("healthcheck after the rotation: %s", out)
	}
}

func TestMistakesInACommandEndWithTwo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"keys", "foo"}, exitUsage, `no command "foo"`},
		{[]string{"keys", "creat"}, exitUsage, `did you mean "create"?`},
		{[]string{"routes", "pubish", "x.toml"}, exitUsage, `did you mean "publish"?`},
		{[]string{"serv"}, exitUsage, `did you mean "serve"?`},
		{[]string{"keys", "revoke"}, exitUsage, "keys revoke ID"},
		{[]string{"keys", "create"}, exitUsage, "--source must be given"},
		{[]string{"users", "deactivate", "x"}, exitUsage, "--reason must be given"},
		{[]string{"serve", "now"}, exitUsage, "serve"},
		{[]string{"version", "--loud"}, exitUsage, "--loud"},
		{[]string{"routes", "check", "none.toml"}, exitUsage, "none.toml"},
		{[]string{"users", "sync", "--limit", "x"}, exitUsage, "--limit"},
		{[]string{"keys"}, exitOK, ""},
		{nil, exitOK, ""},
		{[]string{"version"}, exitOK, ""},
	} {
		var errs bytes.Buffer
		code := run(t.Context(), process{Args: slices.Concat([]string{}, c.args), Out: io.Discard, Err: &errs})
		if code != c.code || !strings.Contains(errs.String(), c.says) {
			t.Errorf("%q: exit %d, %s; want %d and %q", c.args, code, errs.String(), c.code, c.says)
		}
	}
}

func TestConfigShowsWhereEachSettingComesFromAndNoSecret(t *testing.T) {
	t.Parallel()
	const token = "123456:A-token-that-nobody-may-see-printed"
	var out, errs bytes.Buffer
	env := []string{"COUNTERSIGN_TELEGRAM_TOKEN=" + token, "COUNTERSIGN_TELEGRAM_MODE=polling"}
	if code := run(t.Context(), process{Args: []string{"config"}, Env: env, Out: &out, Err: &errs}); code != exitOK {
		t.Fatalf("exit %d: %s", code, errs.String())
	}
	lines := map[string][]string{}
	for line := range strings.Lines(out.String()) {
		f := strings.Fields(line)
		lines[f[0]] = f
	}
	for name, want := range map[string][]string{
		"telegram.mode":  {"telegram.mode", "polling", "COUNTERSIGN_TELEGRAM_MODE"},
		"telegram.token": {"telegram.token", "[redacted]", "COUNTERSIGN_TELEGRAM_TOKEN"},
		"server.listen":  {"server.listen", ":8080", "default"},
	} {
		if !slices.Equal(lines[name], want) {
			t.Errorf("%s: %q, want %q", name, lines[name], want)
		}
	}
	if strings.Contains(out.String(), token) {
		t.Error("the token is printed")
	}
	if code := run(t.Context(), process{Args: []string{"config"}, Env: env[:1], Out: io.Discard, Err: &errs}); code != exitUsage {
		t.Errorf("with a mistake in the settings: exit %d", code)
	}
}

func TestWebhooksCannotBePointedAtTheGatewayItself(t *testing.T) {
	t.Parallel()
	for address, want := range map[string][]string{
		"127.0.0.1:80": {"127.0.0.1:80"},
		"[::1]:80":     {"[::1]:80"},
		"0.0.0.0:80":   {"0.0.0.0:80", "127.0.0.1:80"},
		"[::]:80":      {"[::]:80", "127.0.0.1:80"},
	} {
		at, err := net.ResolveTCPAddr("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, a := range reached(t.Context(), nil, at) {
			got = append(got, a.String())
		}
		for _, one := range want {
			if !slices.Contains(got, one) {
				t.Errorf("%s is reached by %q, not by %s", address, got, one)
			}
		}
	}
}

func TestCommandsWorkBesideARunningGateway(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "polling", 1)
	if out := w.command("users", "list"); !strings.Contains(out, "petrov") {
		t.Errorf("users list: %s", out)
	}
	if out := w.command("healthcheck", "--url", w.replicas[0].url); !strings.Contains(out, "ready") {
		t.Errorf("healthcheck: %s", out)
	}
	if out := w.command("updates", "parked"); !strings.Contains(out, "UPDATE") {
		t.Errorf("updates parked: %s", out)
	}
	if out := w.command("users", "list", "--links"); !strings.Contains(out, "petrov") || !strings.Contains(out, "1002") || !strings.Contains(out, "administrator") {
		t.Errorf("users list --links: %s", out)
	}
	if out := strings.Fields(w.command("routes", "list")); !slices.Contains(out, "payment_request") || out[len(out)-1] != "true" {
		t.Errorf("routes list: %s", out)
	}
	if out := w.command("keys", "list"); !strings.Contains(out, "erp1c") || strings.Contains(out, w.key) {
		t.Errorf("keys list: %s", out)
	}
}

func TestFiguresCanHaveAnAddressOfTheirOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "webhook", 1)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.metrics = free.Addr().String()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	r := w.start("")
	for url, want := range map[string]int{
		"http://" + w.metrics + "/metrics": http.StatusOK, "http://" + w.metrics + "/readyz": http.StatusOK,
		"http://" + w.metrics + "/v1/events": http.StatusNotFound,
		r.url + "/metrics":                   http.StatusNotFound, r.url + "/readyz": http.StatusOK,
	} {
		resp, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.Body.Close() != nil || resp.StatusCode != want {
			t.Errorf("%s: %s, %v; want %d", url, resp.Status, err, want)
		}
		if strings.HasSuffix(url, "/metrics") && want == http.StatusOK && !strings.Contains(string(body), "countersign_") {
			t.Errorf("no figures of ours in %.200s", body)
		}
	}
	r.stop(syscall.SIGTERM)
	if code := r.cmd.ProcessState.ExitCode(); code != exitOK {
		t.Errorf("exit code %d after SIGTERM:\n%s", code, r.log())
	}
}
