// Package config owns the settings of the program: what they are called, what
// they are when nobody says anything, where each value came from, and which
// values cannot work. Every mistake of the file, of the environment and between
// the values is reported at once. It leaves what the values do to the packages
// that get them, and holds no value that can be changed while running.
package config

import (
	"log/slog"
	"net/netip"
	"time"

	"countersign/internal/secret"
)

// Config is every setting. The name of a key in the file is the tag; the name of
// its variable is COUNTERSIGN_SECTION_KEY; a secret is also read from the file
// that COUNTERSIGN_SECTION_KEY_FILE names.
type Config struct {
	DataDir   string    `toml:"data_dir"` // the private database, and its keys
	Server    Server    `toml:"server"`
	Database  Database  `toml:"database"`
	Telegram  Telegram  `toml:"telegram"`
	Google    Google    `toml:"google"`
	Login     Login     `toml:"login"`
	Link      Link      `toml:"link"`
	Console   Console   `toml:"console"`
	Locale    Locale    `toml:"locale"`
	Seal      Seal      `toml:"seal"`
	Workspace Workspace `toml:"workspace"`
	TrueConf  TrueConf  `toml:"trueconf"`
	Meet      Meet      `toml:"meet"`
	Asterisk  Asterisk  `toml:"asterisk"`
	Egress    Egress    `toml:"egress"`
	Log       Log       `toml:"log"`
	Journal   Journal   `toml:"journal"`
	Limits    Limits    `toml:"limits"`

	origins map[string]Origin // of the keys that are not as Default left them
}

// Server says where requests come in.
type Server struct {
	Listen          string         `toml:"listen"`
	PublicURL       string         `toml:"public_url"`
	TimeZone        string         `toml:"time_zone"`        // of the times that people read
	TrustedProxies  []netip.Prefix `toml:"trusted_proxies"`  // whose X-Forwarded-* headers count
	MetricsListen   string         `toml:"metrics_listen"`   // empty: on the main listener only
	DrainDelay      time.Duration  `toml:"drain_delay"`      // between "not ready" and a closed listener
	ShutdownTimeout time.Duration  `toml:"shutdown_timeout"` // for the requests in hand
}

// Database says where the ledger is kept.
type Database struct {
	URL            secret.Text `toml:"url"`       // empty: a private PostgreSQL under DataDir
	OwnerURL       secret.Text `toml:"owner_url"` // for migrations; empty: URL
	MaxConnections int         `toml:"max_connections"`
	Binaries       string      `toml:"binaries"` // of the private server; empty: searched for
}

// Telegram is the bot and the way to it.
type Telegram struct {
	Token          secret.Text `toml:"token"`
	APIURL         string      `toml:"api_url"`
	Mode           Mode        `toml:"mode"`
	Secret         secret.Text `toml:"secret"`      // of the webhook; empty: made and kept by the program
	Certificate    string      `toml:"certificate"` // a self-signed certificate that Telegram is given
	Proxy          secret.Text `toml:"proxy"`
	FilesDir       string      `toml:"files_dir"` // of a Bot API server of one's own in local mode
	MaxConnections int         `toml:"max_connections"`
	Username       string      `toml:"username"` // empty: asked for at start
	GroupLanguage  string      `toml:"group_language"`
	ProtectContent []string    `toml:"protect_content"` // types of document; "*": all

	// What Telegram allows a bot; a Bot API server of one's own may allow more.
	MessagesPerSecond      int `toml:"messages_per_second"`
	ChatMessagesPerSecond  int `toml:"chat_messages_per_second"`
	GroupMessagesPerMinute int `toml:"group_messages_per_minute"`
}

// Google is the login; it is off without a client.
type Google struct {
	ClientID         string      `toml:"client_id"`
	ClientSecret     secret.Text `toml:"client_secret"`
	Issuer           string      `toml:"issuer"`
	HostedDomains    []string    `toml:"hosted_domains"`
	SessionAge       Switch      `toml:"session_age_claims"`     // whether it says when somebody logged in
	SiteVerification string      `toml:"site_verification"`      // the name of Google's file
	SiteMeta         string      `toml:"site_verification_meta"` // the content of its meta tag
}

// Login is the login services besides Google, by the name that stands in their addresses.
type Login struct {
	Services map[string]LoginService `toml:"services"`
}

// LoginService is an OpenID issuer with which people sign in.
type LoginService struct {
	Title        string      `toml:"title"`
	Issuer       string      `toml:"issuer"`
	ClientID     string      `toml:"client_id"`
	ClientSecret secret.Text `toml:"client_secret"`
	Domains      []string    `toml:"domains"`     // of the mail addresses that may sign in; empty: all
	TrustEmail   bool        `toml:"trust_email"` // also where the issuer does not say that the address is verified
}

// Link says what it takes to tie a Telegram account to a person by a login.
type Link struct {
	Confirm     LinkConfirm   `toml:"confirm"`
	CoolingOff  time.Duration `toml:"cooling_off"`  // with that way of confirming
	ReloginDays int           `toml:"relogin_days"` // after which a login must be repeated; 0: never
}

// Console is the pages for those who look after the gateway.
type Console struct {
	Administrators []string `toml:"administrators"` // mail addresses of the first ones
}

// Locale is the operator's own words.
type Locale struct {
	Dir string `toml:"dir"` // of TOML files, one per language; empty: the product's texts
}

// Seal is the key under which secrets in the database are sealed.
type Seal struct {
	KeyFile string `toml:"key_file"` // empty: DataDir/seal.key with the private database; else nothing is sealed
}

// Workspace is the company's directory at Google; it is off without a subject.
type Workspace struct {
	Customer       string                    `toml:"customer"`
	Subject        string                    `toml:"subject"`         // the administrator in whose name it is read
	Credentials    secret.Text               `toml:"credentials"`     // the JSON key of a service account
	ServiceAccount string                    `toml:"service_account"` // or its address, without a key
	Domains        []string                  `toml:"domains"`         // whose people are taken
	Naming         string                    `toml:"naming"`          // what the external id is: employee, local, email
	OnlyKnown      Switch                    `toml:"only_known"`      // add nobody
	Limit          int                       `toml:"limit"`           // percent that one run may deactivate
	Interval       time.Duration             `toml:"interval"`
	Groups         map[string]WorkspaceGroup `toml:"groups"`
}

// WorkspaceGroup is what the members of a group get.
type WorkspaceGroup struct {
	Roles []string `toml:"roles"` // such as treasurer@LLC-A
}

// TrueConf is the video servers, by the name that people see.
type TrueConf struct {
	Servers map[string]TrueConfServer `toml:"servers"`
}

// TrueConfServer is one video server.
type TrueConfServer struct {
	Address       string        `toml:"address"`
	ClientID      string        `toml:"client_id"`
	ClientSecret  secret.Text   `toml:"client_secret"`
	AccessToken   secret.Text   `toml:"access_token"`
	Verify        Verify        `toml:"verify"`
	API           string        `toml:"api"`            // which family of it is spoken; "auto": what there is
	Engine        string        `toml:"engine"`         // host:port; empty: port 4307 of the server; "-": not looked at
	StopRoute     string        `toml:"stop_route"`     // the type of document by which a stop is approved; empty: at once
	CheckInterval time.Duration `toml:"check_interval"` // 0: not watched
	CheckFailures int           `toml:"check_failures"` // of the last CheckOf looks, before it is down
	CheckOf       int           `toml:"check_of"`

	ForgottenInterval        time.Duration `toml:"forgotten_interval"` // 0: not looked for
	ForgottenAfter           time.Duration `toml:"forgotten_after"`    // a younger conference is not forgotten
	ForgottenWhen            []string      `toml:"forgotten_when"`     // which shapes count
	ForgottenLeast           int           `toml:"forgotten_least"`    // people in it; 0: no bound, as below
	ForgottenMost            int           `toml:"forgotten_most"`
	ForgottenExceptIDs       []string      `toml:"forgotten_except_ids"`
	ForgottenExceptOwners    []string      `toml:"forgotten_except_owners"`
	ForgottenExceptTags      []string      `toml:"forgotten_except_tags"`
	ForgottenExceptHours     []string      `toml:"forgotten_except_hours"` // such as "Mon-Fri 09:00-18:00"
	ForgottenExceptScheduled bool          `toml:"forgotten_except_scheduled"`
	ForgottenStopAfter       time.Duration `toml:"forgotten_stop_after"` // since it was told of; 0: only people stop
	ForgottenDryRun          bool          `toml:"forgotten_dry_run"`    // say what would be stopped, and stop nothing
}

// Egress says which closed networks outbound webhooks may reach.
type Egress struct {
	Allow []netip.Prefix `toml:"allow"`
}

// Log says what is written to standard error, and how.
type Log struct {
	Level  slog.Level `toml:"level"`
	Format LogFormat  `toml:"format"`
}

// Journal is what is kept of what Telegram sent and was sent.
type Journal struct {
	Texts      JournalTexts  `toml:"texts"`
	Keep       time.Duration `toml:"keep"`
	KeepFailed time.Duration `toml:"keep_failed"` // of what failed
}

// Limits keep one caller from taking what belongs to all. Sizes are in bytes.
type Limits struct {
	Rate           int   `toml:"rate"`  // requests a second per API key
	Burst          int   `toml:"burst"` // requests at once per API key
	InFlight       int   `toml:"in_flight"`
	InFlightPerKey int   `toml:"in_flight_per_key"`
	Connections    int   `toml:"connections"`
	WebhookBytes   int64 `toml:"webhook_bytes"`
	BodyBytes      int64 `toml:"body_bytes"`
	DocumentBytes  int64 `toml:"document_bytes"` // with files inside, in base64
	UploadBytes    int64 `toml:"upload_bytes"`
}

// PublicAPI is the Bot API that everybody uses.
const PublicAPI = "https://api.telegram.org"

// Default is the settings when nobody says anything.
func Default() Config {
	return Config{
		DataDir: "data",
		Server: Server{
			Listen:          ":8080",
			TimeZone:        "UTC",
			ShutdownTimeout: 20 * time.Second,
		},
		Database: Database{MaxConnections: 20},
		Telegram: Telegram{
			APIURL: PublicAPI, Mode: Webhook, MaxConnections: 40, GroupLanguage: "en",
			MessagesPerSecond: 25, ChatMessagesPerSecond: 1, GroupMessagesPerMinute: 20,
		},
		Google: Google{Issuer: "https://accounts.google.com", SessionAge: SwitchOff},
		Link:   Link{Confirm: LinkNotify, CoolingOff: 24 * time.Hour},
		Workspace: Workspace{
			Customer:  "my_customer",
			Domains:   nil,
			Naming:    "local",
			OnlyKnown: SwitchOff,
			Limit:     10,
			Interval:  time.Hour,
		},
		Meet: Meet{UserIDs: "mail_name", Idle: 5 * time.Minute, Longest: 2 * time.Hour, Life: 24 * time.Hour},
		Asterisk: Asterisk{
			Address: "127.0.0.1", TLS: SwitchOff, Originate: OriginateAMI, Spool: "/var/spool/asterisk/outgoing", RingTimeout: 30 * time.Second,
			CallsPerPerson: 30, CallsPerDay: 500, CallsAtOnce: 10, RoomsPerPerson: 3, LegacyAPI: SwitchOff,
		},
		Log:     Log{Level: slog.LevelInfo, Format: JSON},
		Journal: Journal{Texts: JournalDigest, Keep: 30 * 24 * time.Hour, KeepFailed: 90 * 24 * time.Hour},
		Limits: Limits{
			Rate:           50,
			Burst:          100,
			InFlight:       256,
			InFlightPerKey: 64,
			Connections:    2000,
			WebhookBytes:   256 << 10,
			BodyBytes:      256 << 10,
			DocumentBytes:  8 << 20,
			UploadBytes:    25 << 20,
		},
	}
}

// DefaultTrueConfServer is a video server of which the file says only the name.
func DefaultTrueConfServer() TrueConfServer {
	return TrueConfServer{
		Verify: VerifyOn, API: "auto", CheckInterval: 15 * time.Second, CheckFailures: 2, CheckOf: 3,
		ForgottenInterval: time.Minute, ForgottenAfter: time.Hour, ForgottenWhen: []string{"alone", "no_moderator", "empty"},
	}
}
