package config_test

import (
	"strings"
	"testing"

	"countersign/internal/config"
)

func TestEveryBadValueIsReportedUnderItsKey(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ key, file, says string }{
		{"data_dir", `data_dir = ""`, "is empty"},
		{"data_dir", `data_dir = " x"`, "space"},
		{"data_dir", `data_dir = "a\nb"`, "control character"},
		{"server.listen", `server.listen = ""`, "no address"},
		{"server.listen", `server.listen = ":99999"`, "no address"},
		{"server.listen", `server.listen = "localhost"`, "no address"},
		{"server.public_url", `server.public_url = "pay.example.com"`, "https://"},
		{"server.public_url", `server.public_url = "ftp://pay.example.com"`, "https://"},
		{"server.public_url", `server.public_url = "https://pay.example.com/gate"`, "path"},
		{"server.public_url", `server.public_url = "https://u@pay.example.com"`, "path"},
		{"server.public_url", `server.public_url = "https://pay.example.com?x=1"`, "path"},
		{"server.metrics_listen", `server.metrics_listen = "x"`, "no address"},
		{"server.metrics_listen", `server.metrics_listen = ":8080"`, "the same"},
		{"server.trusted_proxies", `server.trusted_proxies = ["0.0.0.0/0"]`, "everybody"},
		{"server.trusted_proxies", `server.trusted_proxies = ["10.0.0.0/8", "::/0"]`, "everybody"},
		{"server.trusted_proxies", `server.trusted_proxies = ["proxy.test"]`, "no"},
		{"server.drain_delay", `server.drain_delay = "-1s"`, "between 0s and 5m0s"},
		{"server.shutdown_timeout", `server.shutdown_timeout = "0s"`, "between 1s and 10m0s"},
		{"database.url", `database.url = "mysql://h/d"`, "postgres://"},
		{"database.url", `database.url = "db.example.com"`, "postgres://"},
		{"database.owner_url", `database.owner_url = "postgres://h/d"`, "without database.url"},
		{"database.max_connections", `database.max_connections = 1`, "between 10 and 1000"},
		{"telegram.token", `telegram.token = "abc"`, "@BotFather"},
		{"telegram.token", `telegram.token = "12:abc def"`, "@BotFather"},
		{"telegram.api_url", `telegram.api_url = ""`, "no address"},
		{"telegram.mode", `telegram.mode = "push"`, "webhook or polling"},
		{"telegram.secret", `telegram.secret = "пароль"`, "A-Z a-z"},
		{"telegram.proxy", `telegram.proxy = "socks4://h:1"`, "socks5://"},
		{"telegram.proxy", `telegram.proxy = "h:1080"`, "socks5://"},
		{"telegram.proxy", `telegram.proxy = "http://h:3128/path"`, "is no proxy"},
		{"telegram.proxy", `telegram.proxy = "socks5://me@h:1080"`, "without a password"},
		{"telegram.proxy", `telegram.proxy = "socks5://:zz@h:1080"`, "without a user"},
		{"telegram.max_connections", `telegram.max_connections = 101`, "between 1 and 100"},
		{"telegram.username", `telegram.username = "@a_bot"`, "without the @"},
		{"google.client_secret", `google.client_id = "x"`, "not set although"},
		{"google.client_id", `google.client_secret = "x"`, "not set although"},
		{"google.issuer", `google.issuer = "http://accounts.google.com"`, "https"},
		{"google.hosted_domains", `google.hosted_domains = ["Example.com"]`, "small letters"},
		{"google.hosted_domains", `google.hosted_domains = [""]`, "small letters"},
		{"google.site_verification", `google.site_verification = "../x.html"`, "google0123456789abcdef.html"},
		{"trueconf.servers.a.address", `trueconf.servers.a = {access_token = "t"}`, "not set"},
		{"trueconf.servers.a.address", `trueconf.servers.a = {access_token = "t", address = "http://v.test"}`, "https"},
		{"trueconf.servers.a.address", `trueconf.servers.a = {access_token = "t", address = "v.test/api"}`, "no address"},
		{"meet.user_ids", `meet.user_ids = "phone"`, "mail_name"},
		{"meet.idle", `meet.idle = "1s"`, "between 1m0s"},
		{"meet.longest", `meet.longest = "25h"`, "24h"},
		{"meet.life", `meet.life = "0s"`, "between 1m0s"},
		{"google.site_verification_meta", `google.site_verification_meta = "<b>"`, "only"},
		{"login.services.google", `login.services.google = {title = "G", issuer = "https://i.test", client_id = "c", client_secret = "s"}`, "cannot stand"},
		{`login.services."Key Cloak"`, `login.services."Key Cloak" = {title = "G", issuer = "https://i.test", client_id = "c", client_secret = "s"}`, "cannot stand"},
		{"login.services.k.title", `login.services.k = {issuer = "https://i.test", client_id = "c", client_secret = "s"}`, "button"},
		{"login.services.k.issuer", `login.services.k = {title = "K", issuer = "http://i.test", client_id = "c", client_secret = "s"}`, "https"},
		{"login.services.k.client_id", `login.services.k = {title = "K", issuer = "https://i.test", client_secret = "s"}`, "not set"},
		{"login.services.k.client_secret", `login.services.k = {title = "K", issuer = "https://i.test", client_id = "c"}`, "client_secret_file"},
		{"login.services.k.domains", `login.services.k = {title = "K", issuer = "https://i.test", client_id = "c", client_secret = "s", domains = ["X"]}`, "small letters"},
		{"login.services.k.trust_email", `login.services.k = {title = "K", issuer = "https://i.test", client_id = "c", client_secret = "s", trust_email = "yes"}`, "true or false"},
		{"workspace.subject", `workspace = {subject = "ann", service_account = "s", domains = ["a.test"]}`, "mail address"},
		{"workspace.credentials", `workspace = {subject = "a@a.test", domains = ["a.test"]}`, "not set"},
		{"workspace.domains", `workspace = {subject = "a@a.test", service_account = "s"}`, "not set"},
		{"workspace.domains", `workspace = {subject = "a@a.test", service_account = "s", domains = ["A"]}`, "small letters"},
		{"workspace.naming", `workspace.naming = "x"`, "employee"},
		{"workspace.limit", `workspace.limit = 0`, "between"},
		{"workspace.interval", `workspace.interval = "1s"`, "between"},
		{`workspace.groups."A@b.test"`, `workspace = {subject = "a@a.test", service_account = "s", domains = ["a.test"], groups = {"A@b.test" = {roles = ["x"]}}}`, "small letters"},
		{`workspace.groups."a@b.test".roles`, `workspace = {subject = "a@a.test", service_account = "s", domains = ["a.test"], groups = {"a@b.test" = {roles = []}}}`, "not set"},
		{"console.administrators", `console.administrators = ["ann"]`, "mail address"},
		{"console.administrators", `console.administrators = ["ann@example.com"]`, "cannot sign in"},
		{"link.cooling_off", `link.cooling_off = "1s"`, "between"},
		{"link.relogin_days", `link.relogin_days = -1`, "between"},
		{"trueconf.servers.a.client_secret", `trueconf.servers.a = {client_id = "t", address = "v.test"}`, "not set"},
		{"trueconf.servers.a.check_interval", `trueconf.servers.a = {access_token = "t", address = "v.test", check_interval = "1ms"}`, "between"},
		{"trueconf.servers.a.access_token", `trueconf.servers.a = {access_token = "t", client_id = "c", client_secret = "s", address = "v.test"}`, "keep one"},
		{"trueconf.servers.a.api", `trueconf.servers.a = {access_token = "t", address = "v.test", api = "v5"}`, "auto"},
		{"trueconf.servers.a.api", `trueconf.servers.a = {access_token = "t", address = "v.test", api = "v3.12"}`, "auto"},
		{"trueconf.servers.a.engine", `trueconf.servers.a = {access_token = "t", address = "v.test", engine = "v.test"}`, "no address"},
		{"trueconf.servers.a.stop_route", `trueconf.servers.a = {access_token = "t", address = "v.test", stop_route = "Stop it"}`, "no type"},
		{"trueconf.servers.a.check_of", `trueconf.servers.a = {access_token = "t", address = "v.test", check_of = 21}`, "between"},
		{"trueconf.servers.a.check_failures", `trueconf.servers.a = {access_token = "t", address = "v.test", check_failures = 4}`, "check_of"},
		{"trueconf.servers.a.check_failures", `trueconf.servers.a = {access_token = "t", address = "v.test", check_failures = 0}`, "check_of"},
		{"trueconf.servers.a.forgotten_interval", `trueconf.servers.a = {access_token = "t", address = "v.test", forgotten_interval = "1s"}`, "between"},
		{"trueconf.servers.a.forgotten_after", `trueconf.servers.a = {access_token = "t", address = "v.test", forgotten_after = "0s"}`, "between"},
		{"trueconf.servers.a.forgotten_when", `trueconf.servers.a = {access_token = "t", address = "v.test", forgotten_when = ["alone", "late"]}`, "cannot"},
		{"trueconf.servers.a.forgotten_least", `trueconf.servers.a = {access_token = "t", address = "v.test", forgotten_least = -1}`, "between"},
		{"trueconf.servers.a.forgotten_most", `trueconf.servers.a = {access_token = "t", address = "v.test", forgotten_least = 3, forgotten_most = 2}`, "smaller"},
		{"trueconf.servers.a.forgotten_except_hours", `trueconf.servers.a = {access_token = "t", address = "v.test", forgotten_except_hours = ["Mon-Fri 9-18"]}`, "hours of a week"},
		{"trueconf.servers.a.forgotten_except_hours", `trueconf.servers.a = {access_token = "t", address = "v.test", forgotten_except_hours = ["Mon 09:00-25:00"]}`, "hours of a week"},
		{"trueconf.servers.a.forgotten_stop_after", `trueconf.servers.a = {access_token = "t", address = "v.test", forgotten_stop_after = "1s"}`, "between"},
		{"trueconf.servers.a.forgotten_stop_after", `trueconf.servers.a = {access_token = "t", address = "v.test", forgotten_interval = "0s", forgotten_stop_after = "1h"}`, "both or neither"},
		{"trueconf.servers.a.forgotten_stop_after", `trueconf.servers.a = {access_token = "t", address = "v.test", stop_route = "conference_stop", forgotten_stop_after = "1h"}`, "without the approval"},
		{"trueconf.servers.a.forgotten_dry_run", `trueconf.servers.a = {access_token = "t", address = "v.test", forgotten_dry_run = true}`, "nothing is stopped"},
		{"trueconf.servers.\"a\tb\"", `trueconf.servers."a\tb" = {access_token = "t", address = "v.test"}`, "line break"},
		{`trueconf.servers."a b".client_id`, `trueconf.servers."a b" = {access_token = "t", address = "v.test", client_id = "x\ty"}`, "control"},
		{"asterisk.mode", `asterisk.mode = "ari"`, "write ami"},
		{"asterisk.mode", `asterisk.mode = "spool"`, "asterisk.originate"},
		{"asterisk.originate", `asterisk.originate = "ari"`, "ami or spool"},
		{"asterisk.spool", `asterisk = {originate = "spool", spool = "spool/outgoing"}`, "no whole path"},
		{"asterisk.spool_owner", `asterisk.spool_owner = "a b"`, "no user"},
		{"asterisk.spool_owner", `asterisk.spool_owner = "asterisk:"`, "no user"},
		{"asterisk.address", `asterisk = {mode = "ami", user = "u", secret = "s", address = ""}`, "no address"},
		{"asterisk.address", `asterisk = {mode = "ami", user = "u", secret = "s", address = "pbx example"}`, "no address"},
		{"asterisk.address", `asterisk = {mode = "ami", user = "u", secret = "s", address = "127.0.0.1:0"}`, "no address"},
		{"asterisk.address", `asterisk = {mode = "ami", user = "u", secret = "s", address = "10.0.0.5:5038"}`, "another machine"},
		{"asterisk.address", `asterisk = {mode = "ami", user = "u", secret = "s", address = "pbx.example.com"}`, "another machine"},
		{"asterisk.user", `asterisk = {mode = "ami", secret = "s"}`, "manager.conf"},
		{"asterisk.secret", `asterisk = {mode = "ami", user = "u"}`, "manager.conf"},
		{"asterisk.tls", `asterisk.tls = "yes"`, "off or on"},
		{"asterisk.ca_file", `asterisk.ca_file = "/ca.pem"`, "tls is off"},
		{"asterisk.caller_id", `asterisk.caller_id = "x\r\nApplication: System"`, "control"},
		{"asterisk.caller_id", `asterisk.caller_id = "Countersign <1000>"`, "no telephone number"},
		{"asterisk.caller_ids", `asterisk.caller_ids = ["1000", "Police"]`, "no telephone number"},
		{"asterisk.prefixes", `asterisk.prefixes = ["+49", "0049"]`, "begins"},
		{"asterisk.prefixes", `asterisk.prefixes = ["+"]`, "begins"},
		{"asterisk.prefixes", `asterisk.prefixes = ["+49", "!!+49900"]`, "begins"},
		{"asterisk.prefixes", `asterisk.prefixes = ["!+49900"]`, "only exceptions"},
		{"asterisk.calls_per_person", `asterisk.calls_per_person = 0`, "between"},
		{"asterisk.calls_per_person", `asterisk = {calls_per_person = 6, calls_per_day = 5}`, "larger"},
		{"asterisk.calls_per_day", `asterisk = {calls_per_person = 1, calls_per_day = 1000000}`, "between"},
		{"asterisk.calls_at_once", `asterisk.calls_at_once = 0`, "between"},
		{"asterisk.rooms_per_person", `asterisk.rooms_per_person = 0`, "between"},
		{"asterisk.legacy_api", `asterisk.legacy_api = "on"`, "no exchange"},
		{"asterisk.ring_timeout", `asterisk.ring_timeout = "1h"`, "between"},
		{"egress.allow", `egress.allow = ["0.0.0.0/0"]`, "every network"},
		{"log.format", `log.format = "xml"`, "json or text"},
		{"limits.rate", `limits.rate = 0`, "between"},
		{"limits.burst", `limits.burst = -1`, "between"},
		{"limits.in_flight", `limits.in_flight = 1`, "between"},
		{"limits.in_flight_per_key", `limits.in_flight_per_key = 0`, "between"},
		{"limits.connections", `limits.connections = 0`, "between"},
		{"limits.webhook_bytes", `limits.webhook_bytes = 1000`, "between"},
		{"limits.body_bytes", `limits.body_bytes = 1000`, "between"},
		{"limits.document_bytes", `limits.document_bytes = 100000`, "smaller than"},
		{"limits.upload_bytes", `limits.upload_bytes = 9999999999`, "between"},
	} {
		_, err := load(c.file)
		got := problems(t, err)
		if len(got) != 1 || !strings.HasPrefix(got[0], c.key) || !strings.Contains(got[0], c.says) {
			t.Errorf("%s gave %q", c.file, got)
		}
	}
}

func TestServingNeedsABotAndAWayIn(t *testing.T) {
	t.Parallel()
	const token = "[telegram]\ntoken = '12:abc'\n"
	for _, c := range []struct{ name, file, key string }{
		{"nothing", "", "telegram.token"},
		{"no address", token, "server.public_url"},
		{"http", "server.public_url = 'http://pay.example.com'\n" + token, "server.public_url"},
		{"odd port", "server.public_url = 'https://pay.example.com:8444'\n" + token, "server.public_url"},
		{"loopback", "server.public_url = 'https://localhost'\n" + token, "server.public_url"},
		{"private", "server.public_url = 'https://192.168.1.1:8443'\n" + token, "server.public_url"},
		{"guessable secret", "server.public_url = 'https://pay.example.com'\n" + token + "secret = 'abc'\n", "telegram.secret"},
		{"login without address", token + "mode = 'polling'\n[google]\nclient_id = 'x'\nclient_secret = 'y'\n", "server.public_url"},
		{"login over http", "server.public_url = 'http://pay.example.com'\n" + token + "mode = 'polling'\n[google]\nclient_id = 'x'\nclient_secret = 'y'\n", "server.public_url"},

		{"meetings on no server", token + "mode = 'polling'\n[meet]\nserver = 'Moon'\n", "meet.server"},
		{"meetings without address", token + "mode = 'polling'\n[meet]\nserver = 'Clinic'\n[trueconf.servers.Clinic]\naddress = 'v.test'\naccess_token = 'x'\n", "server.public_url"},

		{"numbers without a key", token + "mode = 'polling'\n[database]\nurl = 'postgres://u:p@h/d'\n[asterisk]\nmode = 'ami'\nuser = 'u'\nsecret = 's'\n", "seal.key_file"},

		{"numbers with the private database", token + "mode = 'polling'\n[asterisk]\nmode = 'ami'\nuser = 'u'\nsecret = 's'\n", ""},
		{"webhook", "server.public_url = 'https://pay.example.com'\n" + token, ""},
		{"webhook on 8443", "server.public_url = 'https://203.0.113.5:8443'\n" + token, ""},
		{"polling", token + "mode = 'polling'\n", ""},
		{"own Bot API server", "server.public_url = 'http://127.0.0.1:18080'\n" + token + "api_url = 'http://127.0.0.1:18081'\nsecret = 'abc'\nmax_connections = 1000\n", ""},
		{"login on this machine", "server.public_url = 'http://localhost:8080'\n" + token + "mode = 'polling'\n[google]\nclient_id = 'x'\nclient_secret = 'y'\nissuer = 'http://127.0.0.1:5556'\n", ""},
	} {
		_, err := config.Load("cs.toml", nil, folder{"cs.toml": c.file}.read, config.Config.ValidateServe)
		if c.key == "" {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if got := problems(t, err); !strings.HasPrefix(got[0], c.key+":") && !strings.HasPrefix(got[0], c.key+" (") {
			t.Errorf("%s gave %q, want a mistake of %s", c.name, got, c.key)
		}
	}
}

func TestAMistakeInAKeyIsReportedOnce(t *testing.T) {
	t.Parallel()
	_, err := config.Load("cs.toml", nil, folder{"cs.toml": "[telegram]\ntoken = 5\n[server]\npublic_url = 'x'\n"}.read, config.Config.ValidateServe)
	if got := problems(t, err); len(got) != 2 {
		t.Errorf("got %q, want one line for each of the two keys", got)
	}
}

func TestOtherCommandsNeedNoBot(t *testing.T) {
	t.Parallel()
	if err := mustLoad(t, "[database]\nurl = 'host=/run/postgresql dbname=cs'\n").Validate(); err != nil {
		t.Error(err)
	}
	if got := config.Default().Database.MigrationURL(); got != "" {
		t.Errorf("the private database has the address %q", got.Reveal())
	}
	cfg := mustLoad(t, "[database]\nurl = 'postgres://a@h/d'\nowner_url = 'postgres://b@h/d'\n")
	if got := cfg.Database.MigrationURL(); got != "postgres://b@h/d" {
		t.Errorf("migrations go to %q", got.Reveal())
	}
}

func TestOnesOwnBotAPITakesLargerFiles(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]int64{
		"": 50 << 20, "telegram.api_url = 'https://api.telegram.org/'": 50 << 20, "telegram.api_url = 'http://10.0.0.2:8081'": 2000 << 20,
	} {
		if got := mustLoad(t, file).Telegram.LargestFile(); got != want {
			t.Errorf("%q: %d, want %d", file, got, want)
		}
	}
}
