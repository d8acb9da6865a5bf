package demo

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"countersign/internal/asterisk/asterisktest"
	"countersign/internal/config"
	"countersign/internal/secret"
	"countersign/internal/telegram/telegramtest"
)

// phones begin all demonstration's numbers; they are nobody's.
const phones = "+493023125"

// busyPart is whose telephone is always busy.
const busyPart = "finance_manager"

// phone is the number of somebody's telephone.
func (a Actor) phone() string { return fmt.Sprint(phones, "00", a.Account%10) }

// openExchange starts the telephone exchange. Telephones are picked up at once, but for one.
func openExchange(ctx context.Context, people []Actor, now func() time.Time) (*asterisktest.Server, error) {
	s, err := asterisktest.Open(ctx, asterisktest.Options{Now: now})
	if err != nil {
		return nil, err
	}
	for _, a := range people {
		s.Phone(a.phone(), asterisktest.Answers)
		if a.Part == busyPart {
			s.Phone(a.phone(), asterisktest.Busy)
		}
	}
	return s, nil
}

// exchangeConfig is what an operator would write of it.
func (s *stage) exchangeConfig() config.Asterisk {
	a := config.Default().Asterisk
	a.Mode, a.Address, a.User, a.Secret = config.AsteriskAMI, s.exchange.Addr(), asterisktest.User, secret.Text(asterisktest.Secret)
	a.Prefixes, a.CallerID = []string{phones}, phones+"000"
	return a
}

func (s *stage) roomName() string {
	if s.Lang == "ru" {
		return "Ежедневный созвон"
	}
	return "Daily call"
}

// talk has a public room made, with the last to approve and a guest in it: as they do it, by
// messages and buttons, which they remove from their chats afterwards. Whoever asks for
// approvals has given a number, so that somebody picks up who is asked to talk about one.
func (s *stage) talk(ctx context.Context) error {
	maker, guest := s.cast[0], s.cast[3]
	before := map[int64]int64{maker.Account: s.newest(maker), guest.Account: s.newest(guest)}
	if err := s.makeRoom(ctx, maker, before[maker.Account]); err != nil {
		return err
	}
	if err := s.phoneOf(ctx, maker, before[maker.Account]); err != nil {
		return err
	}
	if err := s.joinRoom(ctx, guest, before[guest.Account]); err != nil {
		return err
	}
	for _, c := range s.exchange.Calls() {
		s.exchange.Visit(c.Room, phones+"099")
	}
	for _, a := range []Actor{maker, guest} {
		for _, m := range s.telegram.Messages(a.Account) {
			if m.ID <= before[a.Account] {
				continue
			}
			if err := s.telegram.Remove(a.Account, a.Account, m.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *stage) newest(a Actor) int64 {
	all := s.telegram.Messages(a.Account)
	if len(all) == 0 {
		return 0
	}
	return all[len(all)-1].ID
}

func (s *stage) makeRoom(ctx context.Context, a Actor, after int64) error {
	if _, err := s.telegram.Say(a.Account, a.Account, "/rooms", 0); err != nil { //nolint:contextcheck // a delivery outlives the call
		return err
	}
	for _, sign := range []string{"➕", "🔊"} {
		if err := s.push(ctx, a, after, sign); err != nil {
			return err
		}
	}
	question, err := s.told(ctx, a, after, func(m telegramtest.Message) bool { return m.ForceReply })
	if err != nil {
		return err
	}
	if _, err := s.telegram.Say(a.Account, a.Account, s.roomName(), question.ID); err != nil { //nolint:contextcheck // as above
		return err
	}
	_, err = s.told(ctx, a, after, func(m telegramtest.Message) bool { return strings.HasPrefix(m.Text, "✅") })
	return err
}

func (s *stage) joinRoom(ctx context.Context, a Actor, after int64) error {
	if err := s.phoneOf(ctx, a, after); err != nil {
		return err
	}
	if _, err := s.telegram.Say(a.Account, a.Account, "/rooms", 0); err != nil { //nolint:contextcheck // as above
		return err
	}
	for _, sign := range []string{"🔊", "📞"} {
		if err := s.push(ctx, a, after, sign); err != nil {
			return err
		}
	}
	_, err := s.told(ctx, a, after, func(m telegramtest.Message) bool { return strings.Contains(m.Text, "👤 "+a.Name) })
	return err
}

// phoneOf has somebody give his number.
func (s *stage) phoneOf(ctx context.Context, a Actor, after int64) error {
	if _, err := s.giveNumber(a); err != nil { //nolint:contextcheck // a delivery outlives the call
		return err
	}
	_, err := s.told(ctx, a, after, func(m telegramtest.Message) bool { return m.Bare })
	return err
}

// giveNumber shares somebody's own number.
func (s *stage) giveNumber(a Actor) (message int64, err error) {
	return s.telegram.Post(telegramtest.Said{UserID: a.Account, ChatID: a.Account, Phone: a.phone(), PhoneOwner: a.Account})
}

// push presses the first button that begins with a sign, in the messages after one.
func (s *stage) push(ctx context.Context, a Actor, after int64, sign string) error {
	var data string
	m, err := s.told(ctx, a, after, func(m telegramtest.Message) bool {
		for _, b := range slices.Concat(m.Keyboard...) {
			if strings.HasPrefix(b.Text, sign) {
				data = b.Data
				return true
			}
		}
		return false
	})
	if err != nil {
		return err
	}
	_, err = s.telegram.Tap(ctx, a.Account, a.Account, m.ID, data)
	return err
}

// told waits for a message of the bot's after another.
func (s *stage) told(ctx context.Context, a Actor, after int64, is func(telegramtest.Message) bool) (found telegramtest.Message, err error) {
	err = s.telegram.WaitFor(ctx, func() bool {
		for _, m := range s.telegram.Messages(a.Account) {
			if m.ID > after && m.From == s.telegram.BotID() && is(m) {
				found = m
				return true
			}
		}
		return false
	})
	if err != nil {
		return found, fmt.Errorf("audio rooms: %w", err)
	}
	return found, nil
}
