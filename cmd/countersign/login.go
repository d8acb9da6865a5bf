package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"countersign/internal/assure"
	"countersign/internal/config"
	"countersign/internal/console"
	"countersign/internal/deed"
	"countersign/internal/directory"
	"countersign/internal/doctor"
	"countersign/internal/google"
	"countersign/internal/link"
	"countersign/internal/locale"
	"countersign/internal/notice"
	"countersign/internal/people"
	"countersign/internal/seal"
	"countersign/internal/secret"
	"countersign/internal/server"
)

// loginServices are those with which people sign in, Google first.
func loginServices(cfg config.Config) ([]*google.Provider, error) {
	var all []*google.Provider
	if g := cfg.Google; g.ClientID != "" {
		all = append(all, &google.Provider{
			Name: "google", Title: "Google", Issuer: g.Issuer, ClientID: g.ClientID, Secret: g.ClientSecret,
			Domains: g.HostedDomains, HostedDomainClaim: true,
		})
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.Login.Services)) {
		s := cfg.Login.Services[name]
		all = append(all, &google.Provider{
			Name: name, Title: s.Title, Issuer: s.Issuer, ClientID: s.ClientID, Secret: s.ClientSecret,
			Domains: s.Domains, TrustEmail: s.TrustEmail,
		})
	}
	for _, p := range all {
		p.Redirect, p.Now = cfg.Server.PublicURL+"/auth/"+p.Name+"/callback", time.Now
		if err := p.Check(); err != nil {
			return nil, fmt.Errorf("%w: login with %s: %w", errUsage, p.Name, err)
		}
	}
	return all, nil
}

// buildLink makes the desk at which accounts are tied.
func (g *gateway) buildLink(context.Context) error {
	services, err := loginServices(g.cfg)
	if err != nil {
		return err
	}
	g.link = &link.Desk{
		Store: &link.Store{Pool: g.records.pool}, Directory: g.records.directory, Services: services,
		PublicURL: g.cfg.Server.PublicURL, Texts: g.texts, Username: g.username,
		Terms: directory.Terms{Confirm: directory.Confirm(g.cfg.Link.Confirm), Cooling: g.cfg.Link.CoolingOff}, Zone: g.zone, Now: time.Now,
		Notices: g.notices.Store, Redraw: g.redraw, Log: g.log,
	}
	g.console = &console.Desk{
		Store: &console.Store{Pool: g.records.pool}, Directory: g.records.directory, Services: services, Texts: g.texts,
		Administrators: g.cfg.Console.Administrators, PublicURL: g.cfg.Server.PublicURL, Freeze: g.link.Freeze,
		Chart: &doctor.Chart{Every: checkupEvery, Examine: g.checkup, Now: time.Now}, Mask: secret.NewMasker(g.cfg.Secrets()...).Mask,
		Changed: g.changed, Client: func(ctx context.Context) string { return server.Client(ctx).String() }, Now: time.Now, Log: g.log,
		Traces: g.journal.Store, Deeds: &deed.Store{Pool: g.records.pool}, Lookup: g.records.lookup(),
	}
	g.link.Others = []func(http.ResponseWriter, *http.Request) bool{g.console.Callback}
	g.buildAssure(services)
	return nil
}

// buildAssure makes the desk at which more than a tap is proved. It needs pages that people
// can reach and a key for what they have.
func (g *gateway) buildAssure(services []*google.Provider) {
	if g.cfg.Server.PublicURL == "" || g.seal == nil {
		return
	}
	d := assureDesk(g.records.pool, g.seal)
	d.Directory, d.Services, d.PublicURL = g.records.directory, services, g.cfg.Server.PublicURL
	d.Undated = undatedServices(g.cfg)
	d.Texts, d.Zone, d.Username, d.Now, d.Log = g.texts, g.zone, g.username, time.Now, g.log
	d.Describe = func(ctx context.Context, a assure.Ask, lang locale.Lang) ([]string, error) {
		return g.door.Describe(ctx, a, lang)
	}
	d.Cast = func(ctx context.Context, a assure.Ask, method string) (string, error) {
		return g.door.Cast(ctx, a, method)
	}
	d.Tell = func(ctx context.Context, account int64, text string) {
		g.told(ctx, notice.To{Accounts: []notice.Account{{ID: account}}}, notice.Body{Text: text})
	}
	d.TellAdministrators = func(ctx context.Context, text string) {
		g.told(ctx, notice.To{Administrators: true}, notice.Body{Text: text})
	}
	d.Language = g.cfg.Telegram.GroupLanguage
	g.assure = d
	g.link.Others = append(g.link.Others, g.assure.Callback)
}

// told tells something beside a commit: lost only with a process that dies in between.
func (g *gateway) told(ctx context.Context, to notice.To, what notice.Body) {
	_, err := g.notices.Store.Add(context.WithoutCancel(ctx), g.records.pool, notice.New{Class: notice.Alarm, To: to, Body: what})
	if err != nil {
		g.log.ErrorContext(ctx, "administrators not told", slog.Any("error", err))
		return
	}
	g.records.bell.Ring()
}

// undatedServices do not say when somebody signed in.
func undatedServices(cfg config.Config) map[string]bool {
	return map[string]bool{"google": cfg.Google.SessionAge == config.SwitchOff}
}

// redraw shows anew what has to do with a person.
func (g *gateway) redraw(ctx context.Context, id people.ID) error {
	dir, err := g.records.directory.Snapshot(ctx)
	if err != nil {
		return err
	}
	p, ok := dir.Person(id)
	if !ok {
		return nil
	}
	return g.changed(ctx, p.ExternalID)
}

func (g *gateway) changed(ctx context.Context, externalID string) error {
	on, err := g.records.ledger.PeopleChanged(ctx, externalID)
	if on > 0 {
		g.log.InfoContext(ctx, "blocked cases went on", slog.Int("count", on))
	}
	return err
}

// assureDesk is the desk as far as its secrets go.
func assureDesk(pool *pgxpool.Pool, key *seal.Seal) *assure.Desk {
	at := func(row string) seal.Place { return seal.Place{Table: "assure_secret", Column: "sealed", Row: row} }
	return &assure.Desk{
		Store: &assure.Store{Pool: pool},
		Seal:  func(plain, row string) ([]byte, error) { return key.Seal(secret.Text(plain), at(row)) },
		Open: func(sealed []byte, row string) (string, error) {
			text, err := key.Open(sealed, at(row))
			return text.Reveal(), err
		},
	}
}
