package main

import (
	"bytes"
	"crypto/tls"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"countersign/internal/config"
	"countersign/internal/secret"
	"countersign/internal/telegram"
	"countersign/internal/telegram/telegramtest"
)

// samples lists the files of deploy/ by their names there.
func samples(t *testing.T) []string {
	t.Helper()
	var all []string
	err := fs.WalkDir(os.DirFS(filepath.Join("..", "..", "deploy")), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			all = append(all, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestEveryFileOfDeploySaysWhatItIsForAndWhatToChange(t *testing.T) {
	t.Parallel()
	all := samples(t)
	if len(all) < 15 {
		t.Errorf("only %d files", len(all))
	}
	for _, name := range all {
		head := ""
		for line := range strings.Lines(deployed(t, name)) {
			if !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, ";") { // Asterisk's files have these
				break
			}
			head += line
		}
		if !strings.Contains(head, "What it is for: ") || !strings.Contains(head, "What to change: ") {
			t.Errorf("%s does not say what it is for and what to change", name)
		}
	}
}

// secrets stand in files where the service finds them.
func secretsAt(t *testing.T) func(name string) ([]byte, error) {
	t.Helper()
	values := map[string]string{
		"telegram_token": "12345:token-of-the-bot", "database_url": "postgres://countersign_service:x@database:5432/countersign",
		"database_owner_url": "postgres://countersign:x@database:5432/countersign",
	}
	return func(name string) ([]byte, error) {
		if value, ok := values[filepath.Base(name)]; ok {
			return []byte(value + "\n"), nil
		}
		return []byte(deployed(t, name)), nil
	}
}

// unit is the variables of the service, as systemd hands them over.
func unit(t *testing.T) []string {
	t.Helper()
	text := deployed(t, "systemd/countersign.service")
	const credentials = "/run/credentials/countersign.service/"
	given := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^LoadCredential=(\w+):`).FindAllStringSubmatch(text, -1) {
		given[m[1]] = true
	}
	var env []string
	for _, m := range regexp.MustCompile(`(?m)^Environment=(.*)$`).FindAllStringSubmatch(text, -1) {
		if name, ok := strings.CutPrefix(m[1][strings.Index(m[1], "=")+1:], credentials); ok && !given[name] {
			t.Errorf("%s names a credential that is not loaded", m[1])
		}
		env = append(env, strings.ReplaceAll(m[1], "%S", "/var/lib"))
	}
	if !slices.Contains(env, "GOTRACEBACK=crash") {
		t.Error("a panic ends with the status that no restart mends")
	}
	return env
}

// container is the variables of the gateway in compose.yaml.
func container(t *testing.T) []string {
	t.Helper()
	text := deployed(t, "compose.yaml")
	var env []string
	for _, m := range regexp.MustCompile(`(?m)^      (COUNTERSIGN_\w+): (.*)$`).FindAllStringSubmatch(text, -1) {
		if name, ok := strings.CutPrefix(m[2], "/run/secrets/"); ok && !strings.Contains(text, "./secrets/"+name+"\n") {
			t.Errorf("%s names a secret that is not given", m[0])
		}
		env = append(env, m[1]+"="+m[2])
	}
	return append(env, regexp.MustCompile(`COUNTERSIGN_DATA_DIR=\S+`).FindString(deployed(t, "Dockerfile")))
}

func TestSettingsOfTheSamplesAreTaken(t *testing.T) {
	t.Parallel()
	for name, env := range map[string][]string{
		"configs/vps.toml": unit(t), "configs/proxy.toml": append(unit(t), "COUNTERSIGN_TELEGRAM_PROXY=socks5://countersign:change-this@10.0.0.5:1080"),
		"configs/polling.toml": unit(t), "compose/countersign.toml": container(t),
	} {
		cfg, err := config.Load(name, env, secretsAt(t), config.Config.ValidateServe)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if len(env) < 4 || cfg.Telegram.Token == "" || cfg.Database.URL == "" || cfg.Database.OwnerURL == "" || cfg.DataDir == "data" {
			t.Errorf("%s with %q lacks something", name, env)
		}
	}
	for _, name := range samples(t) {
		if !strings.HasSuffix(name, ".toml") {
			continue
		}
		// What is commented out must be right as well.
		text := regexp.MustCompile(`(?m)^#([a-z_]+ = )`).ReplaceAllString(deployed(t, name), "$1")
		files := func(at string) ([]byte, error) {
			if at == name {
				return []byte(text), nil
			}
			return secretsAt(t)(at)
		}
		if _, err := config.Load(name, unit(t), files, config.Config.ValidateServe); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The addresses that the samples name must fit each other.
func TestSamplesFitEachOther(t *testing.T) {
	t.Parallel()
	bare := func(name string) string {
		return strings.Join(strings.Fields(regexp.MustCompile(`(?m)#.*$`).ReplaceAllString(deployed(t, name), "")), " ")
	}
	compose := deployed(t, "compose.yaml")
	upstream := regexp.MustCompile(`server ([0-9.]+):8080`).FindStringSubmatch(bare("compose/upstream.conf"))
	if upstream == nil || strings.ReplaceAll(bare("compose/upstream.conf"), upstream[1], "127.0.0.1") != bare("nginx/upstream.conf") {
		t.Error("compose/upstream.conf is not nginx/upstream.conf with another address")
	}
	cfg, err := config.Load("compose/countersign.toml", container(t), secretsAt(t))
	if err != nil || len(cfg.Server.TrustedProxies) != 1 {
		t.Fatal(cfg.Server.TrustedProxies, err)
	}
	for _, address := range []string{upstream[1], cfg.Server.TrustedProxies[0].Addr().String()} {
		if !strings.Contains(compose, "ipv4_address: "+address+"\n") {
			t.Errorf("compose.yaml gives nobody the address %s", address)
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^      - \./([a-z./-]+):`).FindAllStringSubmatch(compose, -1) {
		if _, err := os.Stat(filepath.Join("..", "..", "deploy", m[1])); err != nil && m[1] != "tls" {
			t.Errorf("compose.yaml mounts %s: %v", m[1], err)
		}
	}
}

// What the Dockerfile builds needs nothing around it: it runs in an empty root, as nobody.
func TestProgramOfTheImageRunsInAnEmptyRoot(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		const text = "NOT ROOT ON LINUX: the program of the image was not run in an empty root"
		if os.Getenv("COUNTERSIGN_TEST_ROOT") == "require" {
			t.Fatal(text)
		}
		t.Skip(text)
	}
	build := regexp.MustCompile(`(?m)^RUN CGO_ENABLED=0 (go build .*) -o /out/countersign (\./cmd/countersign)$`).FindStringSubmatch(deployed(t, "Dockerfile"))
	if build == nil {
		t.Fatal("the Dockerfile builds in another way")
	}
	root := t.TempDir()
	for dir := root; dir != os.TempDir(); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil { // nobody must get there
			t.Fatal(err)
		}
	}
	args := slices.Concat(strings.Fields(build[1])[1:], []string{"-o", filepath.Join(root, "countersign"), build[2]})
	cmd := exec.Command("go", args...)
	cmd.Dir, cmd.Env = filepath.Join("..", ".."), append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go %q: %v\n%s", args, err, out)
	}
	ready := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(ready.Close)
	for says, args := range map[string][]string{
		"countersign ":           {"version"},
		"Europe/Berlin":          {"config"},
		"not ready: 404":         {"healthcheck", "--url", ready.URL},
		"set it, best as a file": {"serve"},
	} {
		cmd := exec.Command("/countersign", args...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: 65532, Gid: 65532}}
		cmd.Dir, cmd.Env = "/", []string{"COUNTERSIGN_SERVER_TIME_ZONE=Europe/Berlin", "COUNTERSIGN_TELEGRAM_MODE=polling"}
		if args[0] != "serve" {
			cmd.Env = append(cmd.Env, "COUNTERSIGN_TELEGRAM_TOKEN=1:x")
		}
		if out, _ := cmd.CombinedOutput(); !strings.Contains(string(out), says) {
			t.Errorf("%q says %s, want %q", args, out, says)
		}
	}
	if left, err := os.ReadDir(root); err != nil || len(left) != 1 {
		t.Errorf("left in the root: %v, %v", left, err)
	}
}

// TestNginxStandsInForTheBotAPI: proxy/bot-api.conf carries calls and keeps no token.
func TestNginxStandsInForTheBotAPI(t *testing.T) {
	t.Parallel()
	path := program(t, nginxWanted, "nginx")
	w := newWorld(t, "polling", 1)
	dir, at := t.TempDir(), freePort(t)
	front := httptest.NewUnstartedServer(w.tg)
	cert, authority := ownCertificate(t, "api.telegram.org", "bot-api.example.com")
	front.TLS = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}}
	front.StartTLS()
	t.Cleanup(front.Close)
	conf := changed(t, deployed(t, "proxy/bot-api.conf"),
		"server api.telegram.org:443;", "server "+strings.TrimPrefix(front.URL, "https://")+";", "listen 10.0.0.5:8443 ssl;", "listen "+at+" ssl;",
		"/etc/ssl/bot-api.example.com/fullchain.pem", write(t, "cert.pem", authority), "/etc/ssl/bot-api.example.com/privkey.pem", write(t, "key.pem", keyOf(t, cert)),
		"/etc/ssl/certs/ca-certificates.crt", write(t, "ca.pem", authority), "allow 10.0.0.10;", "allow 127.0.0.1;")
	runNginx(t, path, dir, write(t, "bot-api.conf", conf))
	pauseUntil(func() bool {
		conn, err := net.Dial("tcp", at)
		return err == nil && conn.Close() == nil
	}, patience)

	w.replicas[0].stop(syscall.SIGTERM)
	w.extra = []string{"COUNTERSIGN_TELEGRAM_API_URL=https://" + at, "SSL_CERT_FILE=" + write(t, "authority.pem", authority)}
	w.start("")
	w.post("D-1", payment("D-1", "10.00"))
	w.agrees(pyotr, "D-1")
	asked := w.seesCard(olga, "D-1")
	if _, err := w.tg.Post(telegramtest.Said{UserID: olga, ChatID: olga, ReplyTo: asked.ID, FileName: "act.pdf", File: []byte("%PDF-1.4 an act")}); err != nil {
		t.Fatal(err)
	}
	if err := w.tg.WaitFor(w.limited(patience), func() bool {
		return slices.ContainsFunc(w.tg.Messages(pyotr), func(m telegramtest.Message) bool { return m.Document != nil && m.Document.Name == "act.pdf" })
	}); err != nil {
		t.Errorf("a file that somebody sent did not come through: %v\n%s", err, w.transcript(pyotr))
	}
	front.Close()                                                                                      // what nginx has to say of that must not hold the token
	c, err := telegram.New(telegram.Options{Token: secret.Text(w.tg.Token()), APIURL: "http://" + at}) // plain to a TLS port: another complaint
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.GetMe(t.Context()); err == nil {
		t.Error("no error")
	}
	w.post("D-2", payment("D-2", "20.00"))
	pauseUntil(func() bool { return strings.Contains(w.logs(), "502") }, patience)
	if !strings.Contains(w.logs(), "502") {
		t.Error("the gateway said nothing")
	}
	_, own, _ := strings.Cut(w.tg.Token(), ":")
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if bytes.Contains(text, []byte(own)) {
			t.Errorf("the token is in %s:\n%s", filepath.Base(path), text)
		}
		return err
	})
	if err != nil || strings.Contains(w.logs(), own) {
		t.Errorf("%v; the gateway's log: %v", err, strings.Contains(w.logs(), own))
	}
}

// TestNginxWithAnOrdinaryCertificate starts with tls.conf as well.
func TestNginxWithAnOrdinaryCertificate(t *testing.T) {
	t.Parallel()
	path := program(t, nginxWanted, "nginx")
	dir := t.TempDir()
	cert, text := ownCertificate(t, "pay.example.com")
	conf := changed(t, deployed(t, "nginx/tls.conf"), "listen 443 ssl;", "listen "+freePort(t)+" ssl;",
		"/etc/ssl/pay.example.com/fullchain.pem", write(t, "cert.pem", text), "/etc/ssl/pay.example.com/privkey.pem", write(t, "key.pem", keyOf(t, cert)),
		"/etc/nginx/countersign/gateway.conf", write(t, "gateway.conf", deployed(t, "nginx/gateway.conf")))
	main := write(t, "nginx.conf", "events {} pid "+dir+"/pid; http { access_log off; include "+write(t, "upstream.conf", deployed(t, "nginx/upstream.conf"))+
		"; include "+write(t, "tls.conf", conf)+"; }")
	out, err := exec.Command(path, "-t", "-p", dir, "-c", main, "-e", filepath.Join(dir, "error.log")).CombinedOutput()
	if err != nil || slices.Contains(strings.Fields(string(out)), "[warn]") {
		t.Errorf("%v\n%s", err, out)
	}
}
