package demo

import (
	"context"
	"fmt"
	"time"

	"countersign/configs"
	"countersign/internal/config"
	"countersign/internal/demo/fakeerp"
	"countersign/internal/directory"
	"countersign/internal/ledger"
	"countersign/internal/people"
	"countersign/internal/telegram/telegramtest"
)

const (
	botName     = "countersign_bot"
	mailDomain  = "example.com"
	groupID     = -1001000000777
	adminsTitle = "Administrators"
	adminsID    = -1001000000778 // is told what administrators are told, and is not on the page
	seedTimeout = 30 * time.Second
	newcomer    = "newcomer" // the part of who is not connected yet
)

// Actor is one of the people on the stage.
type Actor struct {
	Key     string `json:"key"`  // external id
	Part    string `json:"part"` // requester, budget_holder, finance_manager, treasurer, newcomer
	Name    string `json:"name"`
	Account int64  `json:"account"` // in the messenger
	Lang    string `json:"lang"`

	roles []people.Role
}

func (a Actor) email() string { return a.Key + "@" + mailDomain }

// Initial is the letter in the person's circle.
func (a Actor) Initial() string {
	for _, r := range a.Name {
		return string(r)
	}
	return ""
}

// cast lists the people, in the order in which they are shown. Without a language they
// speak English, and one of them Russian: every card is in the language of its reader.
func cast(lang string) []Actor {
	all := []Actor{
		{Key: "ivanova", Part: "requester", Name: "Anna Ivanova", Account: 1001, roles: []people.Role{{Name: "video_administrator"}, {Name: "audio_administrator"}}},
		{Key: "petrov", Part: "budget_holder", Name: "Pyotr Petrov", Account: 1002, roles: []people.Role{{Name: "budget_holder", Scope: "CC-12"}, {Name: "video_operator"}}},
		{Key: "sidorova", Part: "finance_manager", Name: "Olga Sidorova", Account: 1003, roles: []people.Role{{Name: "finance_manager", Scope: "LLC-A"}}},
		{Key: "kozlov", Part: "treasurer", Name: "Ivan Kozlov", Account: 1004, roles: []people.Role{{Name: "treasurer", Scope: "LLC-A"}, {Name: "video_administrator", Scope: clinic}}},
		{Key: "orlova", Part: newcomer, Name: "Maria Orlova", Account: 1005, roles: []people.Role{{Name: "treasurer", Scope: "LLC-A"}}},
	}
	for i := range all {
		all[i].Lang = lang
		switch {
		case lang != "":
		case all[i].Key == "sidorova":
			all[i].Lang = "ru"
		default:
			all[i].Lang = "en"
		}
	}
	if lang == "ru" {
		for i, name := range []string{"Анна Иванова", "Пётр Петров", "Ольга Сидорова", "Иван Козлов", "Мария Орлова"} {
			all[i].Name = name
		}
	}
	return all
}

func (s *stage) groupTitle() string {
	if s.Lang == "ru" {
		return "Платежи"
	}
	return "Payments"
}

// seed does what an administrator would before the first document.
func (s *stage) seed(ctx context.Context, cfg config.Config) error {
	ctx, cancel := context.WithTimeout(ctx, seedTimeout)
	defer cancel()
	if err := s.Admin(ctx, cfg, s.administer); err != nil {
		return fmt.Errorf("seed: %w", err)
	}
	if err := s.fillTelegram(ctx); err != nil {
		return fmt.Errorf("seed: %w", err)
	}
	if err := s.signIn(ctx); err != nil {
		return fmt.Errorf("seed: sign in: %w", err)
	}
	if err := s.talk(ctx); err != nil {
		return fmt.Errorf("seed: %w", err)
	}
	if err := s.erp.Register(ctx, "payments", fakeerp.Chat{TelegramID: groupID, Title: s.groupTitle()}); err != nil {
		return fmt.Errorf("seed: %w", err)
	}
	if err := s.erp.Subscribe(ctx, "http://"+s.hooks.Addr().String()+"/events"); err != nil {
		return fmt.Errorf("seed: %w", err)
	}
	return nil
}

// administer is what the commands users import, routes publish and keys create do.
func (s *stage) administer(ctx context.Context, l *ledger.DB, store *directory.Store) error {
	const actor = "command:demo"
	users := make([]directory.User, 0, len(s.cast))
	for _, a := range s.cast {
		users = append(users, directory.User{
			ExternalID: a.Key, Email: a.email(), Name: a.Name, Roles: a.roles, Locale: a.Lang,
		})
	}
	if _, err := store.Import(ctx, actor, users, directory.Apply); err != nil {
		return err
	}
	for _, name := range []string{"payment_request", stopRoute} {
		text, err := configs.Files().ReadFile("routes/" + name + ".toml")
		if err != nil {
			return err
		}
		if _, err := l.Publish(ctx, text, actor); err != nil {
			return err
		}
	}
	admins := directory.Chat{ExternalID: "administrators", TelegramID: adminsID, Title: adminsTitle, Fallback: true}
	if _, _, err := store.PutChat(ctx, actor, admins); err != nil {
		return err
	}
	_, key, err := store.CreateKey(ctx, actor, directory.NewKey{Source: source, Name: "demo", Scopes: directory.Scopes(), ExpiresAt: s.Now().AddDate(0, 0, 30)})
	if err != nil {
		return err
	}
	s.erp.Key = key.Reveal()
	return nil
}

// fillTelegram adds the accounts and the group, and lets everybody begin a chat with the
// bot; it waits until each was greeted.
func (s *stage) fillTelegram(ctx context.Context) error {
	var members []int64
	for _, a := range s.cast {
		s.telegram.User(a.Account, a.Name, a.Lang)
		members = append(members, a.Account)
	}
	for id, title := range map[int64]string{groupID: s.groupTitle(), adminsID: adminsTitle} {
		group := telegramtest.Chat{ID: id, Type: telegramtest.Supergroup, Title: title, Members: members}
		if err := s.telegram.AddChat(group); err != nil { //nolint:contextcheck // a delivery outlives the call
			return err
		}
	}
	for _, a := range s.cast {
		if _, err := s.telegram.StartBot(a.Account, ""); err != nil { //nolint:contextcheck // a delivery outlives the call
			return err
		}
	}
	err := s.telegram.WaitFor(ctx, func() bool {
		for _, a := range s.cast {
			if len(s.telegram.Messages(a.Account)) < 2 {
				return false
			}
		}
		return true
	})
	if err != nil {
		return fmt.Errorf("the bot greets nobody: %w", err)
	}
	return nil
}
