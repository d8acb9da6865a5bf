package config

import (
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A rule is one row of the table of what cannot work: when it is bad, which key
// to look at, and what is wrong and what to do.
type rule struct {
	bad     bool
	key     string
	message string
}

// Validate reports the values that can work in no command.
func (c Config) Validate() error {
	rules := slices.Concat(c.controlRules(), c.serverRules(), c.databaseRules(), c.telegramRules(), c.googleRules(), c.linkRules(), c.workspaceRules(),
		c.meetRules(), c.asteriskRules(), c.limitRules(), c.journalRules())
	for _, name := range slices.Sorted(maps.Keys(c.TrueConf.Servers)) {
		rules = append(rules, c.TrueConf.Servers[name].rules(name)...)
		rules = append(rules, c.TrueConf.Servers[name].watchRules(name)...)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Login.Services)) {
		rules = append(rules, c.Login.Services[name].rules(name)...)
	}
	return c.check(rules)
}

// signIn reports whether there is a login service.
func (c Config) signIn() bool { return c.Google.ClientID != "" || len(c.Login.Services) > 0 }

// ValidateServe reports what serving needs besides: a bot, and a way for
// Telegram and for people to come in.
func (c Config) ValidateServe() error {
	t := c.Telegram
	public := parseURL(c.Server.PublicURL)
	webhook := t.Mode == Webhook
	strict := webhook && t.publicAPI() && public.ok
	const polling = `; if there is no such address, set telegram.mode to "polling"`
	return c.check(append(slices.Concat(c.meetServeRules(), c.asteriskServeRules()), []rule{
		{
			t.Token == "", "telegram.token",
			"is not set; get one from @BotFather and set it, best as a file named by COUNTERSIGN_TELEGRAM_TOKEN_FILE",
		},
		{
			webhook && c.Server.PublicURL == "", "server.public_url",
			"is not set, and Telegram must know where to call; set the address under which the world reaches this server" + polling,
		},
		{
			strict && public.scheme != "https", "server.public_url",
			"begins with http, and Telegram calls https only; use https" + polling,
		},
		{
			strict && !slices.Contains([]string{"443", "80", "88", "8443"}, public.port), "server.public_url",
			"has port " + public.port + ", and Telegram calls the ports 443, 80, 88 and 8443 only; let a proxy listen on one of them" + polling,
		},
		{
			strict && public.closed(), "server.public_url",
			"is an address that Telegram cannot reach from outside" + polling,
		},
		{
			webhook && t.publicAPI() && t.Secret != "" && len(t.Secret) < 16, "telegram.secret",
			"is shorter than 16 characters, and whoever guesses it can press buttons for others; take a longer one, or leave it empty and one is made",
		},
		{
			c.signIn() && c.Server.PublicURL == "", "server.public_url",
			"is not set, and the login service must know where to send people back to; set the address under which browsers reach this server",
		},
		{
			c.signIn() && public.ok && public.scheme != "https" && !public.loopback(), "server.public_url",
			"begins with http, and a login is worth nothing over it; use https",
		},
	}...))
}

// check keeps the rows that are bad, the first for each key.
func (c Config) check(rules []rule) error {
	var found Errors
	for _, r := range rules {
		if r.bad {
			found = found.join(Errors{{Key: r.key, Origin: c.origin(r.key), Message: r.message}})
		}
	}
	return found.err()
}

func (c Config) serverRules() []rule {
	s := c.Server
	public := parseURL(s.PublicURL)
	return []rule{
		{c.DataDir == "", "data_dir", "is empty; name a folder that this program may write to"},
		{!isListen(s.Listen), "server.listen", `is no address to listen on; write ":8080" or "127.0.0.1:8080"`},
		{s.PublicURL != "" && !public.ok, "server.public_url", `is no address; write it as "https://pay.example.com"`},
		{public.path != "", "server.public_url", "has a path, a query or a name in it; give the scheme, the host and the port only"},
		{!isZone(s.TimeZone), "server.time_zone", `is no zone of the tz database; write it as "Europe/Moscow"`},
		{s.MetricsListen != "" && !isListen(s.MetricsListen), "server.metrics_listen", `is no address to listen on; write "127.0.0.1:9090"`},
		{s.MetricsListen != "" && s.MetricsListen == s.Listen, "server.metrics_listen", "is the same as server.listen; choose another port, or leave it empty"},
		{slices.ContainsFunc(s.TrustedProxies, everybody), "server.trusted_proxies", "trusts everybody, so that anybody could choose the address he seems to come from; name the proxies only"},
		outside("server.drain_delay", s.DrainDelay, 0, 5*time.Minute),
		outside("server.shutdown_timeout", s.ShutdownTimeout, time.Second, 10*time.Minute),
		{slices.ContainsFunc(c.Egress.Allow, everybody), "egress.allow", "allows every network; name the networks of the ERP only"},
	}
}

func (c Config) databaseRules() []rule {
	d := c.Database
	const form = `is no address of a database; write it as "postgres://user:password@host:5432/name"`
	return []rule{
		{d.URL != "" && !isDatabase(d.URL.Reveal()), "database.url", form},
		{d.OwnerURL != "" && !isDatabase(d.OwnerURL.Reveal()), "database.owner_url", form},
		{d.OwnerURL != "" && d.URL == "", "database.owner_url", "is set without database.url; set both, or neither for the private database"},
		outside("database.max_connections", d.MaxConnections, 10, 1000),
	}
}

func (c Config) telegramRules() []rule {
	t := c.Telegram
	api, proxy := parseURL(t.APIURL), t.Proxy.Reveal()
	most, least, perSecond, perMinute := 100_000, 1, 1000, 1000
	if t.publicAPI() {
		most, perSecond, perMinute = 100, 30, 20
	}
	return []rule{
		{t.Token != "" && !matches(`^\d+:[A-Za-z0-9_-]+$`, t.Token.Reveal()), "telegram.token", "is no bot token; copy the whole line from @BotFather, digits, a colon and letters"},
		{!api.ok, "telegram.api_url", `is no address; write it as "` + PublicAPI + `"`},
		{t.Secret != "" && !matches(`^[A-Za-z0-9_-]{1,256}$`, t.Secret.Reveal()), "telegram.secret", "has signs that Telegram refuses; use 1 to 256 of A-Z a-z 0-9 _ and -"},
		{
			t.Proxy != "" && !isProxy(proxy), "telegram.proxy",
			`is no proxy; write it as "http://host:3128", "https://host:3129" or "socks5://user:password@host:1080"`,
		},
		{
			isProxy(proxy) && loneUser(proxy), "telegram.proxy",
			`has a user without a password, or a password without a user; SOCKS5 knows both or none, of 255 bytes at most: "socks5://user:password@host:1080"`,
		},
		{t.FilesDir != "" && t.publicAPI(), "telegram.files_dir", "is for a Bot API server of one's own; set telegram.api_url to it, or leave this empty"},
		{t.FilesDir != "" && !filepath.IsAbs(t.FilesDir), "telegram.files_dir", "is no absolute path; write it as the server names it in file_path"},
		{t.Username != "" && !matches(`^[A-Za-z0-9_]{3,32}$`, t.Username), "telegram.username", "is no name of a bot; write it without the @"},
		outside("telegram.max_connections", t.MaxConnections, least, most),
		{!matches(`^[a-z]{2,3}$`, t.GroupLanguage), "telegram.group_language", `is no language; write it as "en" or "ru"`},
		{
			slices.ContainsFunc(t.ProtectContent, func(kind string) bool { return !matches(`^([a-z][a-z0-9_]{0,63}|\*)$`, kind) }), "telegram.protect_content",
			`holds something that is no type of document; write ["payment_request"], or ["*"] for all`,
		},
		outside("telegram.messages_per_second", t.MessagesPerSecond, 1, perSecond),
		outside("telegram.chat_messages_per_second", t.ChatMessagesPerSecond, 1, perSecond),
		outside("telegram.group_messages_per_minute", t.GroupMessagesPerMinute, 1, perMinute),
	}
}

func (c Config) googleRules() []rule {
	g := c.Google
	issuer := parseURL(g.Issuer)
	return []rule{
		{g.ClientID != "" && g.ClientSecret == "", "google.client_secret", "is not set although google.client_id is; set it, best as a file named by COUNTERSIGN_GOOGLE_CLIENT_SECRET_FILE"},
		{g.ClientID == "" && g.ClientSecret != "", "google.client_id", "is not set although google.client_secret is; copy it from the same page of the Google console"},
		{!issuer.ok || issuer.scheme != "https" && !issuer.loopback(), "google.issuer", `must begin with https; leave it out for Google's own`},
		{slices.ContainsFunc(g.HostedDomains, badDomain), "google.hosted_domains", `holds something that is no domain in small letters; write ["example.com"]`},
		{g.SiteVerification != "" && !matches(`^google[0-9A-Za-z_-]+\.html$`, g.SiteVerification), "google.site_verification", `is no name of Google's file; write it as "google0123456789abcdef.html"`},
		{g.SiteMeta != "" && !matches(`^[0-9A-Za-z_=-]{1,100}$`, g.SiteMeta), "google.site_verification_meta", `is no content of Google's meta tag; write what stands in content="..." only`},
	}
}

func badDomain(d string) bool { return !matches(`^[a-z0-9-]+(\.[a-z0-9-]+)+$`, d) }

func badMail(a string) bool { return !matches(`^[^@\s]+@[^@\s]+$`, a) }

func (s LoginService) rules(name string) []rule {
	path := servicePath(name)
	issuer := parseURL(s.Issuer)
	return []rule{
		{name == "google" || !matches(`^[a-z0-9-]{1,32}$`, name), path, `has a name that cannot stand in an address; use small letters, digits and -, and not "google"`},
		{strings.TrimSpace(s.Title) == "" || len(s.Title) > 64, path + ".title", `is not set, or longer than 64; write what the button says, such as "Keycloak"`},
		{!issuer.ok || issuer.scheme != "https" && !issuer.loopback(), path + ".issuer", `is not set, or does not begin with https; copy it from the service's page /.well-known/openid-configuration`},
		{s.ClientID == "", path + ".client_id", "is not set; copy it from the service"},
		{s.ClientSecret == "", path + ".client_secret", "is not set; copy it from the service, best into a file named by client_secret_file"},
		{slices.ContainsFunc(s.Domains, badDomain), path + ".domains", `holds something that is no domain in small letters; write ["example.com"]`},
	}
}

func (c Config) linkRules() []rule {
	const longest = 30 * 24 * time.Hour
	return []rule{
		outside("link.cooling_off", c.Link.CoolingOff, time.Minute, longest),
		outside("link.relogin_days", c.Link.ReloginDays, 0, 3650),
		{slices.ContainsFunc(c.Console.Administrators, badMail), "console.administrators", `holds something that is no mail address; write ["ann@example.com"]`},
		{len(c.Console.Administrators) > 0 && !c.signIn(), "console.administrators", "names people who cannot sign in; set google.client_id or a login service"},
	}
}

func (c Config) workspaceRules() []rule {
	w := c.Workspace
	on := w.Subject != ""
	const longest = 24 * time.Hour
	rules := []rule{
		{on && badMail(w.Subject), "workspace.subject", `is no mail address; write "admin@example.com"`},
		{on && w.Credentials == "" && w.ServiceAccount == "", "workspace.credentials", "is not set; set the JSON key of a service account, best as a file named by COUNTERSIGN_WORKSPACE_CREDENTIALS_FILE, or workspace.service_account for access without a key"},
		{on && len(w.Domains) == 0, "workspace.domains", `is not set; name the domains whose people are taken: ["example.com"]`},
		{slices.ContainsFunc(w.Domains, badDomain), "workspace.domains", `holds something that is no domain in small letters; write ["example.com"]`},
		{!slices.Contains([]string{"employee", "local", "email"}, w.Naming), "workspace.naming", `must be "employee" (the employee number), "local" (what stands before the @) or "email"`},
		outside("workspace.limit", w.Limit, 1, 100),
		outside("workspace.interval", w.Interval, 5*time.Minute, longest),
	}
	for _, address := range slices.Sorted(maps.Keys(w.Groups)) {
		path := memberPath("workspace.groups", address)
		rules = append(rules,
			rule{badMail(address) || address != strings.ToLower(address), path, "is no mail address of a group in small letters"},
			rule{len(w.Groups[address].Roles) == 0, path + ".roles", `is not set; write roles = ["treasurer@LLC-A"]`})
	}
	return rules
}

func (s TrueConfServer) rules(name string) []rule {
	path := serverPath(name)
	address := s.Address
	if !strings.Contains(address, "://") {
		address = "https://" + address
	}
	at := parseURL(address)
	key := s.ClientID != "" && s.ClientSecret != ""
	return []rule{
		{strings.TrimSpace(name) == "", path, "has no name; people choose a server by its name"},
		{s.Address == "", path + ".address", `is not set; write the name of the server, such as "video.example.com"`},
		{!at.ok || at.path != "", path + ".address", `is no address; write the name of the server, such as "video.example.com" or "https://video.example.com:8443"`},
		{at.ok && at.scheme == "http" && !at.loopback(), path + ".address", "begins with http, which would show the secret to the network; use https"},
		{!key && s.AccessToken == "", path + ".client_secret", "is not set; set client_id and client_secret, or access_token"},
		{key && s.AccessToken != "", path + ".access_token", "is set beside client_id and client_secret; keep one way"},
		{!matches(`^(auto|v4|v3|v3\.([3-9]|10|11))$`, s.API), path + ".api", `must be "auto", "v4", "v3", or one version as "v3.8"`},
		{s.Engine != "" && s.Engine != "-" && !isDial(s.Engine), path + ".engine", `is no address; write it as "video.example.com:4307", or "-" for not to look at it`},
		{s.StopRoute != "" && !matches(`^[a-z][a-z0-9_]{0,63}$`, s.StopRoute), path + ".stop_route", `is no type of document; write "conference_stop" and publish a route for it, or leave it empty`},
		{s.CheckInterval != 0 && s.CheckInterval < time.Second || s.CheckInterval > 24*time.Hour, path + ".check_interval", `must be between "1s" and "24h", or "0s" to turn the check off`},
	}
}

func (c Config) limitRules() []rule {
	l := c.Limits
	const kib, mib = int64(1 << 10), int64(1 << 20)
	return []rule{
		outside("limits.rate", l.Rate, 1, 1_000_000),
		outside("limits.burst", l.Burst, 1, 1_000_000),
		outside("limits.in_flight", l.InFlight, 8, 100_000),
		outside("limits.in_flight_per_key", l.InFlightPerKey, 1, 100_000),
		outside("limits.connections", l.Connections, 16, 1_000_000),
		outside("limits.webhook_bytes", l.WebhookBytes, 64*kib, 16*mib),
		outside("limits.body_bytes", l.BodyBytes, 16*kib, 64*mib),
		outside("limits.document_bytes", l.DocumentBytes, 16*kib, 256*mib),
		outside("limits.upload_bytes", l.UploadBytes, 16*kib, 2000*mib),
		{l.DocumentBytes < l.BodyBytes, "limits.document_bytes", "is smaller than limits.body_bytes; make it at least as large"},
	}
}

func (c Config) journalRules() []rule {
	const day = 24 * time.Hour
	j := c.Journal
	return []rule{
		outside("journal.keep", j.Keep, day, 3660*day),
		outside("journal.keep_failed", j.KeepFailed, day, 3660*day),
		{j.KeepFailed < j.Keep, "journal.keep_failed", "is shorter than journal.keep; make it at least as long"},
	}
}

// controlRules refuses line breaks and the like in every value: one of them in a
// header, a call file or a manager command would start a new line there.
func (c Config) controlRules() []rule {
	var rules []rule
	for _, f := range c.everyField() {
		words, isList := reflect.TypeAssert[[]string](f.value)
		if !isList {
			words = []string{f.reveal()}
		}
		for _, word := range words {
			rules = append(
				rules,
				rule{strings.ContainsFunc(word, isControl), f.Name, "holds a line break or another control character; remove it"},
				rule{!f.Secret && strings.TrimSpace(word) != word, f.Name, "begins or ends with a space; remove it"},
			)
		}
	}
	return rules
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// outside is the rule that a number lies between two others.
func outside[N int | int64 | time.Duration](key string, n, least, most N) rule {
	return rule{n < least || n > most, key, fmt.Sprintf("is %v; it must be between %v and %v", n, least, most)}
}

func matches(pattern, text string) bool { return regexp.MustCompile(pattern).MatchString(text) }
