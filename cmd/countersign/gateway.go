package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/gorilla/mux"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"countersign/internal/assure"
	"countersign/internal/audiodesk"
	"countersign/internal/calendar"
	"countersign/internal/chat"
	"countersign/internal/config"
	"countersign/internal/console"
	"countersign/internal/courier"
	"countersign/internal/erp"
	"countersign/internal/google"
	"countersign/internal/handout"
	"countersign/internal/hook"
	"countersign/internal/inbox"
	"countersign/internal/journal"
	"countersign/internal/ledger"
	"countersign/internal/link"
	"countersign/internal/locale"
	"countersign/internal/meet"
	"countersign/internal/notice"
	"countersign/internal/pace"
	"countersign/internal/post"
	"countersign/internal/postgres"
	"countersign/internal/roster"
	"countersign/internal/screen"
	"countersign/internal/seal"
	"countersign/internal/secret"
	"countersign/internal/server"
	"countersign/internal/telegram"
	"countersign/internal/trueconf"
	"countersign/internal/videodesk"
	"countersign/internal/videowatch"
	"countersign/internal/wake"
)

// webhookPath is where Telegram delivers.
const webhookPath = "/telegram/webhook"

// gateway is the whole product, as one list.
type gateway struct {
	service

	self    string // names this replica
	db      *database
	records *records
	intake  *pgxpool.Pool // of its own, so that reports cannot keep taps waiting
	meters  *meters
	bot     *telegram.Client
	name    atomic.Pointer[string] // of the bot, once it is known

	texts   *locale.Texts
	inbox   *inbox.Inbox
	zone    *time.Location // of the times that people read
	link    *link.Desk
	meet    *meet.Desk
	console *console.Desk
	assure  *assure.Desk // nil: nothing beyond a tap can be proved
	seal    *seal.Seal
	door    *chat.Door
	address chat.Hook // where Telegram delivers
	courier *courier.Courier
	journal *journal.Journal
	notices *notice.Board
	handout *handout.Desk
	hook    *hook.Hook

	video     []*trueconf.Server
	videoDesk *videodesk.Desk
	watch     *videowatch.Watch // nil: there are no video servers
	audio     *audiodesk.Desk   // nil: there is no telephone exchange

	erp    *erp.Door
	duties *duties
	health *server.Health
	wires  *ledger.Wires
}

func newGateway(ctx context.Context, s service, db *database) (*gateway, error) {
	g := &gateway{service: s, db: db, self: rand.Text()}
	name := s.cfg.Telegram.Username
	g.name.Store(&name)
	for _, step := range []func(context.Context) error{
		g.findAddress, g.openPools, g.openTexts, g.openJournal, g.openBot, g.openVideo, g.buildNotices, g.buildMeet, g.buildLink, g.buildLoops, g.buildWatch, g.buildVideo, g.buildAudio, g.buildDoors, g.buildHealth, g.warnOfStepUps,
	} {
		if err := step(ctx); err != nil {
			g.close()
			return nil, err
		}
	}
	return g, nil
}

func (g *gateway) close() {
	for _, p := range []*pgxpool.Pool{g.intake, g.pool()} {
		if p != nil {
			p.Close()
		}
	}
	if g.bot != nil {
		g.bot.Close()
	}
	for _, s := range g.video {
		s.Close()
	}
}

func (g *gateway) pool() *pgxpool.Pool {
	if g.records == nil {
		return nil
	}
	return g.records.pool
}

func (g *gateway) openPools(ctx context.Context) error {
	const intake, listening = 5, 1
	pool, err := g.db.pool(ctx, g.cfg.Database.MaxConnections-intake-listening)
	if err != nil {
		return err
	}
	if err := postgres.CheckRole(ctx, pool); err != nil {
		pool.Close()
		return err
	}
	g.records = newRecords(pool, g.cfg)
	g.records.ledger.Crash = g.crash
	if g.intake, err = g.db.pool(ctx, intake); err != nil {
		return err
	}
	if g.seal, err = openSeal(ctx, g.records.pool, g.cfg); err != nil {
		return err
	}
	g.meters, err = newMeters(prometheus.NewRegistry())
	return err
}

func (g *gateway) openTexts(ctx context.Context) (err error) {
	if g.texts, err = openTexts(ctx, g.cfg, g.log); err != nil {
		return err
	}
	g.zone, err = time.LoadLocation(g.cfg.Server.TimeZone)
	return err
}

func (g *gateway) openBot(context.Context) (err error) {
	t := g.cfg.Telegram
	g.bot, err = telegram.New(telegram.Options{ //nolint:contextcheck // it calls nobody; the library wants a context all the same
		Token: t.Token, APIURL: t.APIURL, Proxy: t.Proxy.Reveal(), MaxFile: t.LargestFile(), FilesDir: t.FilesDir, Log: g.log,
		Observe: g.meters.call, Note: g.journal.Call, Now: time.Now,
	})
	return err
}

func (g *gateway) username() string { return *g.name.Load() }

// buildNotices makes what tells people beside the cards.
func (g *gateway) buildNotices(context.Context) error {
	r, t := g.records, g.cfg.Telegram
	g.handout = &handout.Desk{Store: &handout.Store{Pool: r.pool}, Directory: r.directory, Files: r.files, PublicURL: g.cfg.Server.PublicURL, Texts: g.texts, Zone: g.zone, Log: g.log}
	g.notices = &notice.Board{
		Store: &notice.Store{Pool: r.pool, Bell: r.bell}, Directory: r.directory, Texts: g.texts, Language: t.GroupLanguage, Office: calendar.Standard(g.zone),
		Post: &post.Post{Telegram: g.bot, Files: r.files, Store: &post.Store{Pool: r.pool}, Bot: g.bot.BotID(), Log: g.log},
		Pace: &pace.Pace{Pool: r.pool, Limits: pace.Limits{
			PerBot: t.MessagesPerSecond, PerChat: t.ChatMessagesPerSecond, PerGroupMinute: t.GroupMessagesPerMinute,
		}},
		Ledger: r.ledger, Links: g.handout, MaxFile: t.LargestFile(), Now: time.Now, Log: g.log,
	}
	return nil
}

func (g *gateway) buildLoops(context.Context) error {
	r, id := g.records, g.bot.BotID()
	t, limits := g.cfg.Telegram, g.notices.Pace
	g.wires = &ledger.Wires{Pool: r.pool, Bell: r.bell, Self: g.self}
	g.inbox = &inbox.Inbox{
		Pool: g.intake, Bot: id, Bell: r.bell, Crash: g.crash, Now: time.Now, Log: g.log, Seen: g.meters.update, Seal: g.seal,
		Ended: g.journal.Update, Request: server.RequestID,
	}
	g.courier = &courier.Courier{
		Ledger: r.ledger, Directory: r.directory, Store: &courier.Store{Pool: r.pool}, Post: g.notices.Post, Pace: limits, Texts: g.texts, GroupLang: t.GroupLanguage,
		Protect: t.ProtectContent, MaxFile: t.LargestFile(), Links: g.handout, Look: courier.Look{Meet: g.meet.On()}, Bot: id, Username: g.username, Zone: g.zone,
		Bell: r.bell, Crash: g.crash, Now: time.Now, Log: g.log,
	}
	g.hook = &hook.Hook{
		Pool: r.pool, Ledger: r.ledger, Bell: r.bell, Placed: &wake.Bell{}, Crash: g.crash, Now: time.Now, Log: g.log,
		Egress: g.cfg.Egress.Allow, Metrics: g.meters.hook(), Seal: g.seal,
	}
	g.door = &chat.Door{
		Ledger: r.ledger, Directory: r.directory, Inbox: g.inbox, Dialogs: &chat.Dialogs{Pool: r.pool}, Searches: &chat.Searches{Pool: r.pool}, Telegram: g.bot,
		Link: g.link, Meet: g.meet, Assure: g.assure, Administrator: g.console.Administers, GroupLang: t.GroupLanguage, Pace: limits, Cards: chat.Cards{
			Adopt: g.courier.Adopt, Find: g.courier.Find, Follow: g.courier.Follow, Reached: g.courier.Reached, Lost: g.courier.Lost, At: g.courier.At, Closed: g.courier.Closed,
		}, Files: r.files, Notices: g.notices.Store, Texts: g.texts, Bot: id,
		Username: g.username, Zone: g.zone, MaxUpdate: g.cfg.Limits.WebhookBytes, Now: time.Now, Crash: g.crash, Log: g.log, Desks: map[string]screen.Desk{},
	}
	g.inbox.Handle = g.door.Handle
	if err := g.meters.registry.Register(newBacklog(r.ledger, g.inbox)); err != nil {
		return err
	}
	g.duties = &duties{
		pool: r.pool, ledger: r.ledger, inbox: g.inbox, dialogs: g.door.Dialogs, pace: limits, hook: g.hook, links: g.link.Store, console: g.console.Store,
		notices: g.notices.Store, assure: &assure.Store{Pool: r.pool}, directory: r.directory, tellChats: g.door.TellChats, handout: g.handout.Store, log: g.log,
		meet: g.meet, journal: g.journal.Store, keep: keepJournal(g.cfg.Journal),
	}
	var err error
	g.duties.roster, err = workspaceSync(g.cfg, r, func(ctx context.Context, a roster.Alarm) {
		g.told(ctx, notice.To{Administrators: true}, notice.Body{Key: a.Key, Data: a.Data})
	})
	g.duties.syncEvery = g.cfg.Workspace.Interval
	g.duties.tellDeputies, g.duties.digests = g.door.TellDeputies, g.door.Digests
	return err
}

func (g *gateway) buildDoors(ctx context.Context) error {
	g.resealAll(ctx)
	g.door.Secret, g.door.Refused = g.cfg.Telegram.Secret, g.journal.Refused
	if g.door.Secret == "" {
		made, err := g.inbox.Secret(ctx, rand.Text()+rand.Text())
		if err != nil {
			return err
		}
		g.door.Secret = secret.Text(made)
	}
	r := g.records
	l := g.cfg.Limits
	g.erp = &erp.Door{
		Ledger: r.ledger, Directory: r.directory, Files: r.files, Hook: g.hook, Notices: g.notices, Meet: g.meet, Audio: g.audio, OldCalls: g.cfg.Asterisk.LegacyAPI == config.SwitchOn,
		Texts: g.texts, Bell: g.hook.Placed,
		Log: g.log, Now: time.Now, PublicURL: g.cfg.Server.PublicURL,
		BodyBytes: l.BodyBytes, DocumentBytes: l.DocumentBytes,
		Limiter: &server.Limiter{Rate: float64(l.Rate), Burst: l.Burst, Keys: 10_000, Now: time.Now},
		Gate:    &server.Gate{Limit: l.InFlightPerKey},
	}
	g.duties.erp = g.erp
	return nil
}

func (g *gateway) buildHealth(context.Context) error {
	g.health = &server.Health{Log: g.log, Now: time.Now, Checks: []server.Check{
		{Name: "database", Run: g.records.pool.Ping},
		{Name: "schema", Run: func(ctx context.Context) error {
			behind, err := ledger.Pending(ctx, g.records.pool, slog.New(slog.DiscardHandler))
			if err == nil && behind {
				err = fmt.Errorf("the schema is behind this program: run countersign migrate")
			}
			return err
		}},
	}}
	return nil
}

// handler is every route that the gateway answers.
func (g *gateway) handler() (http.Handler, error) {
	router := server.NewRouter(erp.SlashVars()...)
	if g.cfg.Server.MetricsListen == "" {
		server.MountOps(router, g.health, g.meters.registry)
	} else { // what the world can reach tells no figures
		server.MountOps(router, g.health, nil)
	}
	router.HandleFunc(webhookPath, g.door.Webhook).Methods(http.MethodPost)
	g.erp.Mount(router)
	mounts := []func(*mux.Router) error{g.link.Mount, g.console.Mount, g.handout.Mount, g.meet.Mount}
	if g.assure != nil {
		mounts = append(mounts, g.assure.Mount)
	}
	for _, mount := range mounts {
		if err := mount(router); err != nil {
			return nil, err
		}
	}
	google.Site{File: g.cfg.Google.SiteVerification, Meta: g.cfg.Google.SiteMeta}.Mount(router)
	front := &server.Front{
		Router: router, Log: g.log, Now: time.Now, Metrics: g.meters.http, TrustedProxies: g.cfg.Server.TrustedProxies,
		InFlight: g.cfg.Limits.InFlight, Exempt: append(erp.LongPolls(), webhookPath), Say: g.erp.Say,
	}
	return front.Handler(), nil
}

// ops is what the address for operators answers.
func (g *gateway) ops() http.Handler {
	router := server.NewRouter()
	server.MountOps(router, g.health, g.meters.registry)
	return router
}

// run starts every part and ends when ctx does, or when a part cannot go on. The
// listener closes first, and what came in by it until then is acted upon; then the loops
// finish what they have in hand.
func (g *gateway) run(ctx context.Context, doors listeners) error {
	listener := doors.main
	written := g.writeJournal(ctx)
	parts, ctx := errgroup.WithContext(ctx)
	loops, end := context.WithCancel(context.WithoutCancel(ctx))
	g.hook.Options.Deny = g.own(ctx, doors)
	handler, err := g.handler()
	if err != nil {
		end()
		return errors.Join(err, written())
	}
	srv := &server.Server{
		Handler: handler, Log: g.log, Health: g.health, Connections: g.cfg.Limits.Connections,
		Timeouts: server.Timeouts{DrainDelay: g.cfg.Server.DrainDelay, Drain: g.cfg.Server.ShutdownTimeout},
	}
	parts.Go(func() error {
		defer end()
		return srv.Run(ctx, listener)
	})
	if doors.metrics != nil {
		ops := &server.Server{Handler: g.ops(), Log: g.log, Connections: 64}
		parts.Go(func() error { return ops.Run(loops, doors.metrics) })
	}
	for _, run := range []func(context.Context) error{
		g.db.run, g.wires.Run, g.inbox.Run, g.courier.Run, g.notices.Run, g.hook.Run, g.duties.run, g.announce, g.videoDesk.Run,
	} {
		parts.Go(func() error { return run(loops) })
	}
	if g.watch != nil {
		parts.Go(func() error { return g.watch.Run(loops) })
	}
	if g.audio != nil {
		parts.Go(func() error { return g.runAudio(loops) })
	}
	if g.cfg.Telegram.Mode == config.Polling {
		parts.Go(func() error { return g.door.Poll(ctx, g.self) })
	}
	g.ready("http://" + local(listener.Addr().String()))
	return errors.Join(parts.Wait(), written())
}
