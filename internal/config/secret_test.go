package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/config"
	"countersign/internal/secret"
)

func TestSecretsComeFromFilesToo(t *testing.T) {
	t.Parallel()
	files := folder{"/run/token": "12:abc\n", "/run/pg": "postgres://u:p@h/d\r\n\n", "/run/empty": "\n"}
	var environ []string
	want := map[string]string{}
	for _, k := range config.Keys() {
		if k.Secret {
			files["/run/"+k.Name] = map[string]string{
				"database.url": "postgres://u:p@h/d", "database.owner_url": "postgres://u:p@h/d",
				"telegram.token": "5:x", "telegram.proxy": "socks5://u:p@h:1",
			}[k.Name]
			if files["/run/"+k.Name] == "" {
				files["/run/"+k.Name] = "word"
			}
			files["/run/"+k.Name] += "\n"
			environ = append(environ, k.Env+"_FILE=/run/"+k.Name)
			want[k.Name] = k.Env + "_FILE /run/" + k.Name
		}
	}
	cfg, err := config.Load("", append(environ, "COUNTERSIGN_GOOGLE_CLIENT_ID=id"), files.read)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, s := range cfg.Describe() {
		if s.Origin.Kind == config.FromSecretFile {
			got[s.Name] = s.Origin.String()
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if cfg.Telegram.Token != "5:x" || cfg.Asterisk.Secret != "word" {
		t.Errorf("read %q and %q", cfg.Telegram.Token.Reveal(), cfg.Asterisk.Secret.Reveal())
	}
}

func TestVideoServersHaveTheirDefaultsAndSecretFiles(t *testing.T) {
	t.Parallel()
	cfg, err := config.Load("cs.toml", nil, folder{"cs.toml": `
[trueconf.servers."Head office"]
address = "video.example.com"
client_id = "id"
client_secret_file = "/run/tc"
[trueconf.servers.lab]
address = "http://127.0.0.1:4307"
access_token = "tok"
verify = false
check_interval = "0s"
[trueconf.servers.old]
address = "https://10.0.0.1:8443"
access_token = "tok"
verify = ""
[trueconf.servers.own]
address = "own.test:8443"
access_token = "tok"
verify = "/etc/ca.pem"
forgotten_except_hours = ["Mon-Fri 09:00-18:00"]
forgotten_stop_after = "15m"
forgotten_dry_run = true
`, "/run/tc": "hidden\n"}.read)
	if err != nil {
		t.Fatal(err)
	}
	like := func(change func(*config.TrueConfServer)) config.TrueConfServer {
		out := config.DefaultTrueConfServer()
		change(&out)
		return out
	}
	same(t, cfg.TrueConf.Servers, map[string]config.TrueConfServer{
		"Head office": like(func(s *config.TrueConfServer) {
			s.Address, s.ClientID, s.ClientSecret = "video.example.com", "id", "hidden"
		}),
		"lab": like(func(s *config.TrueConfServer) {
			s.Address, s.AccessToken, s.Verify, s.CheckInterval = "http://127.0.0.1:4307", "tok", config.VerifyOff, 0
		}),
		"old": like(func(s *config.TrueConfServer) {
			s.Address, s.AccessToken, s.Verify = "https://10.0.0.1:8443", "tok", config.VerifyOff
		}),
		"own": like(func(s *config.TrueConfServer) {
			s.Address, s.AccessToken, s.Verify = "own.test:8443", "tok", "/etc/ca.pem"
			s.ForgottenExceptHours, s.ForgottenDryRun, s.ForgottenStopAfter = []string{"Mon-Fri 09:00-18:00"}, true, 15*time.Minute
		}),
	})
	own, lab := cfg.TrueConf.Servers["own"].Verify, cfg.TrueConf.Servers["lab"].Verify
	if !own.On() || own.CAFile() != "/etc/ca.pem" || lab.On() || lab.CAFile() != "" || !config.Verify("").On() {
		t.Errorf("verify is read wrongly: %v %v", own, lab)
	}
}

func TestSecretsAreShownNowhere(t *testing.T) {
	t.Parallel()
	const dsn = "postgres://cs:hunter2zz@db.test:5432/cs?sslpassword=hunter3zz"
	cfg := mustLoad(t, `
[telegram]
token = "12345:token-zz"
proxy = "socks5://me:proxy-zz@p.test:1080"
[trueconf.servers.a]
address = "v.test"
access_token = "access-zz"
`, "COUNTERSIGN_DATABASE_URL="+dsn)
	shown := map[string]string{}
	for _, s := range cfg.Describe() {
		shown[s.Name] = s.Value
		if strings.Contains(s.String(), "zz") {
			t.Errorf("the description shows a secret: %s", s)
		}
	}
	if shown["database.url"] != "postgres://cs:[redacted]@db.test:5432/cs" || shown["telegram.token"] != secret.Masked ||
		shown["telegram.secret"] != "" || shown["trueconf.servers.a.access_token"] != secret.Masked || shown["trueconf.servers.a.address"] != "v.test" {
		t.Errorf("the description is %v", shown)
	}
	var known []string
	for _, s := range cfg.Secrets() {
		known = append(known, s.Reveal())
	}
	want := []string{dsn, "hunter2zz", "12345:token-zz", "socks5://me:proxy-zz@p.test:1080", "proxy-zz", "access-zz"}
	if diff := cmp.Diff(want, known); diff != "" {
		t.Errorf("known secrets (-want +got)\n%s", diff)
	}
	_, err := load("[telegram]\ntoken = 'not-a-token-zz'\nproxy = 'gopher://me:zz@x'\n[database]\nurl = 'mysql://a:zz@b/c'\n[asterisk]\nsecret = \"zz\\u0000\"\n", "COUNTERSIGN_DATABASE_OWNER_URL=zz")
	if lines := problems(t, err); len(lines) != 5 || strings.Contains(err.Error(), "zz") {
		t.Errorf("a mistake shows the secret or is missing: %v", err)
	}
}
