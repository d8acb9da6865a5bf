package config_test

import (
	"errors"
	"io/fs"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"countersign/internal/config"
)

// folder is the files that a test may read.
type folder map[string]string

func (f folder) read(name string) ([]byte, error) {
	text, ok := f[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return []byte(text), nil
}

func load(file string, environ ...string) (config.Config, error) {
	return config.Load("cs.toml", environ, folder{"cs.toml": file}.read)
}

func mustLoad(t *testing.T, file string, environ ...string) config.Config {
	t.Helper()
	cfg, err := load(file, environ...)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// problems is the report of a load, a line for each mistake.
func problems(t *testing.T, err error) []string {
	t.Helper()
	var found config.Errors
	if !errors.As(err, &found) {
		t.Fatalf("got %v, want a list of mistakes", err)
	}
	lines := make([]string, 0, len(found))
	for _, p := range found {
		lines = append(lines, p.String())
	}
	return lines
}

func same(t *testing.T, got, want any) {
	t.Helper()
	options := []cmp.Option{cmpopts.IgnoreUnexported(config.Config{}), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })}
	if diff := cmp.Diff(want, got, options...); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestNothingSetGivesTheDefaults(t *testing.T) {
	t.Parallel()
	cfg, err := config.Load("", nil, folder{}.read)
	if err != nil {
		t.Fatal(err)
	}
	same(t, cfg, config.Default())
}

func TestEnvironmentCoversFileAndFileCoversDefaults(t *testing.T) {
	t.Parallel()
	cfg := mustLoad(t, `
data_dir = "/srv/cs"
[server]
listen = ":9000"
public_url = "https://pay.example.com/"
trusted_proxies = ["10.0.0.0/8", "127.0.0.1", "::1"]
shutdown_timeout = "45s"
[telegram]
token = "1:from-file"
[log]
level = "warn"
[limits]
rate = 7
`, "COUNTERSIGN_SERVER_LISTEN=:9001", "COUNTERSIGN_LOG_LEVEL=debug", "COUNTERSIGN_LIMITS_UPLOAD_BYTES=1000000",
		"COUNTERSIGN_EGRESS_ALLOW= 10.1.0.0/16 , fd00::/8,192.168.1.5 ", "COUNTERSIGN_GOOGLE_HOSTED_DOMAINS=a.test,b.test",
		"COUNTERSIGN_SERVER_DRAIN_DELAY=1500ms", "COUNTERSIGN_TELEGRAM_MODE=polling", "HOME=/root", "COUNTERSIGN_LIMITS_BURST=",
		"COUNTERSIGN_CONFIG=cs.toml")
	want := config.Default()
	want.DataDir = "/srv/cs"
	want.Server.Listen = ":9001"
	want.Server.PublicURL = "https://pay.example.com"
	want.Server.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("::1/128")}
	want.Server.ShutdownTimeout = 45 * time.Second
	want.Server.DrainDelay = 1500 * time.Millisecond
	want.Telegram.Token = "1:from-file"
	want.Telegram.Mode = config.Polling
	want.Google.HostedDomains = []string{"a.test", "b.test"}
	want.Egress.Allow = []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00::/8"), netip.MustParsePrefix("192.168.1.5/32")}
	want.Log.Level = slog.LevelDebug
	want.Limits.Rate = 7
	want.Limits.UploadBytes = 1_000_000
	same(t, cfg, want)
}

func TestEveryVariableReachesItsKey(t *testing.T) {
	t.Parallel()
	words := map[string]string{
		"server.listen": ":1", "server.public_url": "https://x.test", "server.trusted_proxies": "10.0.0.0/8", "server.metrics_listen": ":2",
		"server.drain_delay": "1s", "server.shutdown_timeout": "1m0s", "database.max_connections": "19", "telegram.mode": "polling",
		"telegram.api_url": "http://api.test", "telegram.proxy": "http://p.test:3128", "telegram.files_dir": "/f", "telegram.token": "5:x", "telegram.max_connections": "9", "telegram.username": "a_bot", "telegram.group_language": "de", "telegram.protect_content": "contract", "telegram.messages_per_second": "9",
		"telegram.chat_messages_per_second": "9", "telegram.group_messages_per_minute": "9", "server.time_zone": "Asia/Tokyo", "google.issuer": "https://i.test",
		"google.hosted_domains": "x.test", "google.site_verification": "google12.html", "asterisk.mode": "ami", "asterisk.address": "10.0.0.1:1", "asterisk.tls": "on",
		"asterisk.caller_id": "+4930123", "asterisk.caller_ids": "1000", "asterisk.originate": "spool", "asterisk.spool": "/outgoing", "asterisk.spool_owner": "asterisk", "asterisk.prefixes": "+49", "asterisk.ring_timeout": "9s", "asterisk.calls_per_person": "9", "asterisk.calls_per_day": "99",
		"asterisk.calls_at_once": "9", "asterisk.rooms_per_person": "9", "asterisk.legacy_api": "on", "egress.allow": "10.0.0.0/8", "log.level": "ERROR", "log.format": "text",
		"database.url": "postgres://u:pw123456@h/d", "database.owner_url": "postgres://o:pw123456@h/d", "limits.document_bytes": "9000000",
		"google.session_age_claims": "on", "workspace.subject": "a@x.test", "workspace.domains": "x.test", "workspace.naming": "email", "workspace.only_known": "on", "workspace.limit": "9", "workspace.interval": "2h0m0s",
		"console.administrators": "a@x.test", "link.confirm": "admin", "link.cooling_off": "2h0m0s", "link.relogin_days": "90",
		"meet.user_ids": "mail", "meet.idle": "6m0s", "meet.longest": "3h0m0s", "meet.life": "48h0m0s",
		"journal.texts": "full", "journal.keep": "48h0m0s", "journal.keep_failed": "72h0m0s",
	}
	word := func(k config.Key) string {
		switch {
		case words[k.Name] != "":
			return words[k.Name]
		case strings.HasPrefix(k.Name, "limits."):
			return "90000"
		}
		return "word"
	}
	var environ []string
	for _, k := range config.Keys() {
		environ = append(environ, k.Env+"="+word(k))
	}
	cfg, err := config.Load("", environ, folder{}.read)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range cfg.Describe() {
		if s.Origin.Kind != config.FromEnv || s.Origin.Where != s.Env {
			t.Errorf("%s comes from %+v, not from %s", s.Name, s.Origin, s.Env)
		}
		if got, want := strings.Trim(s.Value, "[]"), word(s.Key); !s.Secret && got != want {
			t.Errorf("%s is %q, want %q", s.Name, got, want)
		}
	}
}

func TestEveryMistakeOfFileEnvironmentAndValuesIsReportedAtOnce(t *testing.T) {
	t.Parallel()
	_, err := config.Load("cs.toml", []string{
		"COUNTERSIGN_SERVER_LISTN=:1", "COUNTERSIGN_LOG_LEVEL=loud", "COUNTERSIGN_TELEGRAM_TOKEN=1:a", "COUNTERSIGN_TELEGRAM_TOKEN_FILE=/t",
		"COUNTERSIGN_GOOGLE_CLIENT_SECRET_FILE=/gone", "COUNTERSIGN_DATA_DIR_FILE=/x", "COUNTERSIGN_TRUECONF_SERVERS_A_ADDRESS=a",
		"COUNTERSIGN_ASTERISK_SECRET_FILE=/empty", "COUNTERSIGN_EGRESS_ALLOW=10.0.0.1/8,home", "COUNTERSIGN_XYZZY=1", "COUNTERSIGN_LIMITS_RATE=many",
	}, folder{"/empty": "\n", "cs.toml": `data_dir = 7
colour = "red"
[server]
listen = "8080"
publik_url = "x"
shutdown_timeout = 20
trusted_proxies = "10.0.0.0/8"
drain_delay = "fast"
[database]
max_connections = "ten"
max_connection = 1
url = 12
[telegrm]
token = "9:z"
[google]
hosted_domains = ["ok.test", 5]
[trueconf.servers.lab]
addr = "x"
verify = 3
client_secret = "a"
client_secret_file = "/b"
[trueconf.servers]
flat = 1
[limits]
burst = 1.5
in_flight = 0
`}.read)
	want := []string{
		`colour (cs.toml:2): unknown key; remove it`,
		`data_dir (cs.toml:1): a whole number stands where a string in quotes belongs`,
		`database.max_connection (cs.toml:11): unknown key; did you mean database.max_connections?`,
		`database.max_connections (cs.toml:10): a string stands where a whole number belongs`,
		`database.url (cs.toml:12): the secret is not a string in quotes`,
		`google.hosted_domains (cs.toml:16): a whole number stands in a list where a string belongs`,
		`limits.burst (cs.toml:25): a number with a fraction stands where a whole number belongs`,
		`server.drain_delay (cs.toml:8): "fast" is not a duration; write a number with its unit, such as "30s" or "5m"`,
		`server.publik_url (cs.toml:5): unknown key; did you mean server.public_url?`,
		`server.shutdown_timeout (cs.toml:6): a whole number stands where a duration such as "30s" belongs`,
		`server.trusted_proxies (cs.toml:7): a string stands where a list of strings belongs`,
		`telegrm (cs.toml:13): unknown key; remove it`,
		`trueconf.servers.flat (cs.toml:23): a whole number stands where a table belongs; write [trueconf.servers.flat] and its keys below`,
		`trueconf.servers.lab.client_secret (cs.toml:21): client_secret and client_secret_file are both set; keep one`,
		`trueconf.servers.lab.addr (cs.toml:18): unknown key; did you mean trueconf.servers.lab.address?`,
		`trueconf.servers.lab.verify (cs.toml:19): a whole number stands where true, false or the name of a file belongs`,
		`telegram.token (COUNTERSIGN_TELEGRAM_TOKEN): COUNTERSIGN_TELEGRAM_TOKEN and COUNTERSIGN_TELEGRAM_TOKEN_FILE are both set; keep one`,
		`google.client_secret (COUNTERSIGN_GOOGLE_CLIENT_SECRET_FILE): the file of the secret cannot be read: open /gone: file does not exist; correct its name or its rights`,
		`asterisk.secret (COUNTERSIGN_ASTERISK_SECRET_FILE): the file of the secret, /empty, is empty; write the secret into it`,
		`egress.allow (COUNTERSIGN_EGRESS_ALLOW): 10.0.0.1/8 has bits behind its mask; write 10.0.0.0/8; "home" is not a network; write it as 10.0.0.0/8, fd00::/8 or a single address`,
		`log.level (COUNTERSIGN_LOG_LEVEL): "loud" is no level of a log; write debug, info, warn or error`,
		`limits.rate (COUNTERSIGN_LIMITS_RATE): "many" is not a whole number; write digits only`,
		`COUNTERSIGN_DATA_DIR_FILE: only secrets are read from a file; use COUNTERSIGN_DATA_DIR`,
		`COUNTERSIGN_SERVER_LISTN: unknown variable; did you mean COUNTERSIGN_SERVER_LISTEN?`,
		`COUNTERSIGN_TRUECONF_SERVERS_A_ADDRESS: video servers are set in the configuration file only; see [trueconf.servers]`,
		`COUNTERSIGN_XYZZY: unknown variable; remove it`,
		`server.listen (cs.toml:4): is no address to listen on; write ":8080" or "127.0.0.1:8080"`,
		`limits.in_flight (cs.toml:26): is 0; it must be between 8 and 100000`,
		`trueconf.servers.lab.address: is not set; write the name of the server, such as "video.example.com"`,
	}
	if diff := cmp.Diff(want, problems(t, err)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for _, line := range want {
		if !strings.Contains(err.Error(), line) {
			t.Errorf("the error does not say %s", line)
		}
	}
}

func TestBrokenFilesAreNamedWithTheirLine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ file, want string }{
		{"[server]\nlisten = \n", "cs.toml:2: is no valid TOML"},
		{"[server]\nlisten = ':1'\nlisten = ':2'\n", "cs.toml:3: is no valid TOML"},
		{"server = 5\n", "server (cs.toml:1): a whole number stands where a table belongs; write [server] and its keys below"},
		{"trueconf.servers = 5\n", `trueconf.servers (cs.toml:1): write one [trueconf.servers."NAME"] for each`},
		{"login.services = 5\n", `login.services (cs.toml:1): write one [login.services."NAME"] for each`},
		{"trueconf = 5\n", "trueconf (cs.toml:1): a whole number stands where a table belongs"},
		{"server.listen = 1979-05-27\n", "server.listen (cs.toml:1): a date stands where a string in quotes belongs"},
		{"log = { level = true }\n", "log.level (cs.toml:1): true or false stands where a string in quotes belongs"},
		{"[[server]]\nlisten = ':1'\n", "server (cs.toml:1): a list stands where a table belongs"},
		{"[server.listen]\nx = 1\n", "server.listen (cs.toml:1): a table stands where a string in quotes belongs"},
	} {
		_, err := load(c.file)
		if got := problems(t, err); len(got) != 1 || !strings.HasPrefix(got[0], c.want) {
			t.Errorf("%q gave %q, want %q", c.file, got, c.want)
		}
	}
	_, err := config.Load("gone.toml", nil, folder{}.read)
	want := "gone.toml: cannot be read: open gone.toml: file does not exist; give the right name with --config"
	if got := problems(t, err); len(got) != 1 || got[0] != want {
		t.Errorf("a missing file gave %q", got)
	}
}

func TestVariablesOfKubernetesAreNoMistakes(t *testing.T) {
	t.Parallel()
	mustLoad(t, "", "COUNTERSIGN_SERVICE_HOST=10.0.0.1", "COUNTERSIGN_SERVICE_PORT=8080", "COUNTERSIGN_SERVICE_PORT_HTTP=8080",
		"COUNTERSIGN_PORT=tcp://10.0.0.1:8080", "COUNTERSIGN_PORT_8080_TCP=tcp://10.0.0.1:8080", "COUNTERSIGN_PORT_8080_TCP_PROTO=tcp",
		"COUNTERSIGN_PORT_8080_TCP_PORT=8080", "COUNTERSIGN_PORT_8080_TCP_ADDR=10.0.0.1", "COUNTERSIGN_WEB_SERVICE_HOST=10.0.0.1")
	if _, err := load("", "COUNTERSIGN_SERVER_PORT=8080"); err == nil {
		t.Error("a made-up port was taken for one of Kubernetes")
	}
}

func TestDescriptionSaysWhereEachValueComesFrom(t *testing.T) {
	t.Parallel()
	cfg := mustLoad(t, "\n[log]\nformat = 'text'\n", "COUNTERSIGN_LOG_LEVEL=error")
	got := map[string]string{}
	for _, s := range cfg.Describe() {
		got[s.Name] = s.String()
	}
	for name, want := range map[string]string{
		"log.format":    "log.format = text (file cs.toml:3)",
		"log.level":     "log.level = ERROR (environment COUNTERSIGN_LOG_LEVEL)",
		"server.listen": "server.listen = :8080 (default)",
	} {
		if got[name] != want {
			t.Errorf("got %q, want %q", got[name], want)
		}
	}
}

func FuzzLoadNeverPanicsAndNeverQuotesASecret(f *testing.F) {
	f.Add("[server]\nlisten = ':1'\n", "COUNTERSIGN_LOG_LEVEL=info")
	f.Add("[trueconf.servers.\"a b\"]\nverify = false\nx.y = 1\n", "COUNTERSIGN_EGRESS_ALLOW=::/0")
	f.Add("[telegram]\ntoken = {a = 1}\n[[log]]\n", "COUNTERSIGN_X")
	f.Fuzz(func(t *testing.T, file, variable string) {
		cfg, err := load(file, variable, "COUNTERSIGN_TELEGRAM_TOKEN=zebra-crossing")
		if err == nil || strings.Contains(err.Error(), "zebra-crossing") && !strings.Contains(file+variable, "zebra") {
			t.Errorf("a token that is none was taken or shown: %v", err)
		}
		for _, s := range cfg.Describe() {
			if s.Name == "telegram.token" && strings.Contains(s.Value, "zebra") {
				t.Error("the description shows the token")
			}
		}
	})
}
