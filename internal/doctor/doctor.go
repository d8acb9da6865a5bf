// Package doctor owns what is asked of every link of the chain, from the settings to the
// webhooks of ERPs, and what each answer means: a list of findings in words, each with what
// to do. It changes nothing; only a test message, when somebody asks for one, leaves a trace.
//
// It leaves what it looks at to those who own it, and where findings are shown to the
// command and to the console.
package doctor

import (
	"context"
	"fmt"
	"sync"
	"time"

	"countersign/internal/directory"
	"countersign/internal/google"
	"countersign/internal/hook"
	"countersign/internal/inbox"
	"countersign/internal/locale"
	"countersign/internal/secret"
	"countersign/internal/telegram"
	"countersign/internal/trueconf"
)

// Level is how bad something is.
type Level string

// The levels. Only a problem makes a check fail.
const (
	OK      Level = "ok"
	Warning Level = "warning"
	Problem Level = "problem"
)

// Finding is one line: what was looked at, how it is, and what to do.
type Finding struct {
	Check string
	Level Level
	Key   string // of the text
	Data  map[string]any
}

// Said is a text inside a text.
type Said struct {
	Key  string
	Data map[string]any
}

// Text is the finding in words.
func (f Finding) Text(lang locale.Lang) string { return Said{f.Key, f.Data}.text(lang) }

func (s Said) text(lang locale.Lang) string {
	filled := map[string]any{}
	for name, value := range s.Data {
		switch v := value.(type) {
		case Said:
			filled[name] = v.text(lang)
		case time.Duration:
			filled[name] = lang.Duration(v)
		case time.Time:
			filled[name] = lang.DateTime(v, time.UTC) + " UTC"
		case float64:
			filled[name] = lang.Decimal(v)
		case error:
			filled[name] = v.Error()
		default:
			filled[name] = value
		}
	}
	return lang.T(s.Key, filled)
}

// data are the placeholders of a text.
type data = map[string]any

func ok(key string, d data) []Finding      { return []Finding{{Level: OK, Key: key, Data: d}} }
func warning(key string, d data) []Finding { return []Finding{{Level: Warning, Key: key, Data: d}} }
func problem(key string, d data) []Finding { return []Finding{{Level: Problem, Key: key, Data: d}} }

// Database is what is known of the database.
type Database struct {
	None    bool  // there is none yet; the first start makes it
	Away    error // why it cannot be asked
	Version string
	Role    error // why the service may not work there
	Behind  bool  // the schema
	Dangers []string
	Ahead   time.Duration // its clock of ours
}

func (db Database) usable() bool { return !db.None && db.Away == nil && db.Role == nil && !db.Behind }

// Menu is a menu of commands as it should be.
type Menu struct {
	Scope    telegram.Scope
	Language string
	Commands []telegram.MenuCommand
}

// Recipient is whom a test message is for.
type Recipient struct {
	ID       string
	Name     string
	Account  int64 // zero: none
	Language locale.Lang
}

// Doctor looks. Set the fields before use; a nil function is a part that there is not.
type Doctor struct {
	Settings  []error // what is wrong with them
	Texts     []error // of the operator's that were left out
	Languages []string
	Folder    string                                      // for files and the private database
	Room      func(path string) (free uint64, known bool) // nil: the system is asked
	Address   Address

	Telegram    *telegram.Client // nil: TelegramErr says why
	TelegramErr error
	Menus       []Menu
	Services    []*google.Provider

	Database func(ctx context.Context) Database
	Secret   func(ctx context.Context) (secret.Text, error) // of the webhook; empty: none was made yet
	Chats    func(ctx context.Context) ([]directory.Chat, error)
	Webhooks func(ctx context.Context) ([]hook.Endpoint, error)
	Updates  func(ctx context.Context) (inbox.Standing, error)
	Behind   func(ctx context.Context, quiet time.Duration) (int, error) // cards
	Roll     func(ctx context.Context) (int, error)                      // people of the company's directory
	Test     func(ctx context.Context) (Recipient, error)                // who wants a test message

	Video        []*trueconf.Server
	VideoTrouble func(err error) Said // what is wrong with one, and what to look at
	Meet         *Meetings            // nil: they are not looked at
	Phones       *Phones              // nil, too

	Limit time.Duration // of one check; 10 s when 0
	Now   func() time.Time
}

const ownLimit = 10 * time.Second

// check is one thing to look at.
type check struct {
	name string
	run  func(ctx context.Context) []Finding
}

// Examine looks at everything. First at what the rest stands on: where the database or the
// Bot API is away, what needs them says so and is not tried. Each check has its time, and
// one that fails or hangs keeps no other from being made.
func (d *Doctor) Examine(ctx context.Context) []Finding {
	var base ground
	found := d.all(ctx, []check{
		{"settings", d.settings},
		{"texts", d.texts},
		{"data_dir", func(context.Context) []Finding { return d.folder() }},
		{"database", func(ctx context.Context) []Finding { return d.database(ctx, &base) }},
		{"public_url", d.address},
		{"token", func(ctx context.Context) []Finding { return d.token(ctx, &base) }},
	})
	return append(found, d.all(ctx, d.rest(&base))...)
}

// ground is what the first checks found out for the rest.
type ground struct {
	mu       sync.Mutex
	database bool
	me       telegram.Me
}

func (g *ground) set(change func(g *ground)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	change(g)
}

func (g *ground) known() (database bool, me telegram.Me) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.database, g.me
}

// rest are the checks that stand on others.
func (d *Doctor) rest(base *ground) []check {
	database, me := base.known()
	needs := func(there bool, why string, run func(context.Context) []Finding) func(context.Context) []Finding {
		if there {
			return run
		}
		return func(context.Context) []Finding { return warning(why, nil) }
	}
	const noDatabase, noBot = "doctor.skipped.database", "doctor.skipped.telegram"
	onDatabase := func(run func(context.Context) []Finding) func(context.Context) []Finding {
		return needs(database, noDatabase, run)
	}
	onBot := func(run func(context.Context) []Finding) func(context.Context) []Finding {
		return needs(me.ID != 0, noBot, run)
	}
	checks := []check{{"telegram_clock", onBot(d.botClock)}}
	if d.Address.Webhook {
		checks = append(checks, check{"webhook", onBot(d.webhook)}, check{"secret", needs(d.Secret != nil, noBot, onDatabase(d.secret))})
	} else {
		checks = append(checks, check{"polling", onBot(onDatabase(d.polling))})
	}
	checks = append(
		checks, check{"menu", onBot(d.menu)},
		check{"inline", onBot(onDatabase(func(ctx context.Context) []Finding { return d.inline(ctx, me) }))},
		check{"privacy", onBot(func(context.Context) []Finding { return privacy(me) })},
		check{"groups", onBot(onDatabase(d.groups))},
		check{"login", d.login},
	)
	if d.Roll != nil {
		checks = append(checks, check{"workspace", d.workspace})
	}
	if len(d.Video) > 0 {
		checks = append(checks, check{"video", d.video})
	}
	if d.Meet != nil {
		checks = append(checks, check{"meet", d.meetings})
	}
	if d.Phones != nil {
		checks = append(checks, check{"phones", d.phones})
	}
	checks = append(checks, check{"erp", onDatabase(d.webhooks)}, check{"work", needs(d.Updates != nil, noBot, onDatabase(d.work))})
	if d.Test != nil {
		checks = append(checks, check{"test_message", onBot(onDatabase(d.test))})
	}
	return checks
}

// all makes the checks at once and gives what they find in their order.
func (d *Doctor) all(ctx context.Context, checks []check) []Finding {
	results := make([]chan []Finding, len(checks))
	limit := d.Limit
	if limit == 0 {
		limit = ownLimit
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for i, c := range checks {
		results[i] = make(chan []Finding, 1)
		go func() { results[i] <- c.guarded(ctx) }()
	}
	var out []Finding
	for i, c := range checks {
		var found []Finding
		select {
		case found = <-results[i]:
		case <-ctx.Done():
			select {
			case found = <-results[i]: // at the last moment
			case <-time.After(limit / 10): // what heeds the end of its time says itself what it waited for
				found = problem("doctor.late", data{"Seconds": limit.Seconds()})
			}
		}
		for _, f := range found {
			f.Check = c.name
			out = append(out, f)
		}
	}
	return out
}

// guarded makes a check that breaks a finding of its own: the gateway that is looked at runs
// in the same process.
func (c check) guarded(ctx context.Context) (found []Finding) {
	defer func() {
		if broke := recover(); broke != nil {
			found = problem("doctor.broke", data{"Why": fmt.Sprint(broke)})
		}
	}()
	return c.run(ctx)
}

// Failed reports whether there is a problem among findings.
func Failed(found []Finding) int {
	n := 0
	for _, f := range found {
		if f.Level == Problem {
			n++
		}
	}
	return n
}
