package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"countersign/internal/config"
	"countersign/internal/doctor"
	"countersign/internal/hook"
	"countersign/internal/inbox"
	"countersign/internal/locale"
	"countersign/internal/seal"
	"countersign/internal/secret"
	"countersign/internal/telegram"
	"countersign/internal/trueconf"
)

func doctorCommand(p process) *cobra.Command {
	var asJSON bool
	var to string
	c := &cobra.Command{
		Use: "doctor", Short: "Look at every link of the chain and say what is wrong and what to do; changes nothing", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := p.settings(cmd, config.Config.ValidateServe)
			mistakes, ofSettings := errors.AsType[config.Errors](err)
			if err != nil && !ofSettings {
				return err
			}
			found, lang, err := consult(cmd.Context(), cfg, mistakes, to)
			if err != nil {
				return err
			}
			mask := secret.NewMasker(cfg.Secrets()...)
			say := func(f doctor.Finding) string { return oneLine(mask.Mask(f.Text(lang))) }
			show := p.print
			if asJSON {
				show = p.encode
			}
			if err := show(lines(found, say)); err != nil {
				return err
			}
			if n := doctor.Failed(found); n > 0 {
				return fmt.Errorf("problems found: %d", n)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, `print {"ok":…,"findings":[{"check":…,"level":…,"code":…,"text":…}]}`)
	c.Flags().StringVar(&to, "to", "", "also send a test message to the person with this external id")
	return c
}

// oneLine keeps a finding on its line, whatever a server said.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// line is a finding as it is printed.
type line struct {
	Check string       `json:"check"`
	Level doctor.Level `json:"level"`
	Code  string       `json:"code"`
	Text  string       `json:"text"`
}

func lines(found []doctor.Finding, say func(doctor.Finding) string) []line {
	out := make([]line, len(found))
	for i, f := range found {
		out[i] = line{f.Check, f.Level, strings.TrimPrefix(f.Key, "doctor."), say(f)}
	}
	return out
}

func (p process) print(all []line) error {
	for _, l := range all {
		fmt.Fprintf(p.Out, "%-8s %-14s %s\n", l.Level, l.Check, l.Text)
	}
	return nil
}

func (p process) encode(all []line) error {
	ok := !slices.ContainsFunc(all, func(l line) bool { return l.Level == doctor.Problem })
	return json.NewEncoder(p.Out).Encode(struct {
		OK       bool   `json:"ok"`
		Findings []line `json:"findings"`
	}{ok, all})
}

// consult looks from a command, beside a gateway that runs or before there is one.
func consult(ctx context.Context, cfg config.Config, mistakes config.Errors, to string) ([]doctor.Finding, locale.Lang, error) {
	s := subject{cfg: cfg, to: to}
	for _, m := range mistakes {
		s.mistakes = append(s.mistakes, errors.New(m.String()))
	}
	var err error
	if cfg.Telegram.Token != "" {
		s.bot, s.botErr = telegram.New(telegram.Options{ //nolint:contextcheck // it calls nobody; the library wants a context all the same
			Token: cfg.Telegram.Token, APIURL: cfg.Telegram.APIURL, Proxy: cfg.Telegram.Proxy.Reveal(), Now: time.Now,
		})
	}
	if s.bot != nil {
		defer s.bot.Close()
	}
	if file := sealFile(cfg); file != "" {
		s.seal, s.sealErr = seal.Open(seal.Options{File: file})
	}
	closeDB := s.open(ctx)
	d, texts, err := s.doctor()
	if err != nil {
		return nil, locale.Lang{}, errors.Join(err, closeDB())
	}
	return d.Examine(ctx), texts.For("en"), closeDB()
}

// subject is the gateway as it is looked at.
type subject struct {
	cfg      config.Config
	mistakes []error
	to       string // who wants a test message; empty: nobody

	bot     *telegram.Client
	botErr  error
	seal    *seal.Seal
	sealErr error
	video   []*trueconf.Server
	pool    *pgxpool.Pool
	away    error // why there is none
}

// open connects with the database, if there is one. The private one is started where it does
// not run, and is left as it was.
func (s *subject) open(ctx context.Context) (end func() error) {
	end = func() error { return nil }
	if !atHand(s.cfg) {
		return end
	}
	const starting = 30 * time.Second
	within, cancel := context.WithTimeout(ctx, starting)
	defer cancel()
	db, err := openDatabase(within, s.cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		s.away = err
		return end
	}
	if s.pool, s.away = db.pool(ctx, 4); s.away != nil {
		return db.close
	}
	return func() error {
		s.pool.Close()
		return db.close()
	}
}

// doctor is built of what there is. What is not is said, not missed.
func (s *subject) doctor() (*doctor.Doctor, *locale.Texts, error) {
	texts, left, err := readTexts(s.cfg)
	if err != nil {
		return nil, nil, err
	}
	services, err := loginServices(s.cfg) // anew: those that run remember what they once read
	if err != nil {
		s.mistakes = append(s.mistakes, err)
	}
	_, workspace, err := workspaceSource(s.cfg)
	if err != nil {
		s.mistakes = append(s.mistakes, err)
	}
	if s.video == nil {
		if s.video, err = videoServers(s.cfg, slog.New(slog.DiscardHandler)); err != nil {
			s.mistakes = append(s.mistakes, err)
		}
	}
	d := &doctor.Doctor{
		Video: s.video, VideoTrouble: videoTrouble, Meet: meetings(s.cfg, s.video), Phones: phones(s.cfg, s.seal),
		Settings: s.mistakes, Texts: left, Languages: texts.Languages(), Folder: s.cfg.DataDir, Address: s.address(),
		Telegram: s.bot, TelegramErr: s.botErr, Menus: menus(texts, s.cfg), Services: services, Database: s.database, Now: time.Now,
	}
	if workspace != nil {
		d.Roll = func(ctx context.Context) (int, error) {
			roll, err := workspace.Read(ctx)
			return len(roll.Accounts), err
		}
	}
	if s.pool != nil {
		s.attach(d, texts)
	}
	return d, texts, nil
}

// attach gives the doctor what is read from the database.
func (s *subject) attach(d *doctor.Doctor, texts *locale.Texts) {
	r := newRecords(s.pool, s.cfg)
	h := &hook.Hook{Pool: s.pool, Now: time.Now}
	d.Chats, d.Behind = r.directory.Chats, r.ledger.LagSince
	d.Webhooks = func(ctx context.Context) ([]hook.Endpoint, error) { return h.List(ctx, "") }
	if s.bot == nil { // nobody whose updates these could be
		return
	}
	x := &inbox.Inbox{Pool: s.pool, Bot: s.bot.BotID(), Seal: s.seal, Now: time.Now}
	d.Updates = x.Standing
	d.Secret = func(ctx context.Context) (secret.Text, error) {
		if own := s.cfg.Telegram.Secret; own != "" {
			return own, nil
		}
		kept, err := x.KeptSecret(ctx)
		if err != nil && s.sealErr != nil {
			err = s.sealErr
		}
		return kept, err
	}
	if s.to == "" {
		return
	}
	d.Test = func(ctx context.Context) (doctor.Recipient, error) {
		who, err := r.directory.User(ctx, s.to)
		return doctor.Recipient{ID: s.to, Name: who.Name, Account: who.Link.Account, Language: texts.For(who.Locale)}, err
	}
}

func (s *subject) address() doctor.Address {
	t := s.cfg.Telegram
	a := doctor.Address{URL: s.cfg.Server.PublicURL, Path: webhookPath, Webhook: t.Mode == config.Webhook, Connections: t.MaxConnections}
	if a.Webhook && t.Certificate != "" {
		a.Certificate, a.CertificateErr = certificate(t.Certificate)
	}
	return a
}
