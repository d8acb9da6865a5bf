package courier_test

import (
	"testing"
	"time"

	"countersign/internal/approval"
	"countersign/internal/card"
	"countersign/internal/handout"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/telegram/telegramtest"
)

// TestTheClaimOfADeadCourierEndsThoughAnotherChatIsSlow: it is nobody's to renew.
func TestTheClaimOfADeadCourierEndsThoughAnotherChatIsSlow(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.bind(t, group, 0)
	o.unlink(t, ledgertest.Requester)
	st := o.Post(t, "81")
	at := func(chat int64) (at time.Time) {
		t.Helper()
		must(t, o.Pool.QueryRow(t.Context(), `select coalesce(max(at), '-infinity') from card_message
			where case_id = $1 and chat_id = $2 and message_id = 0 and at > '2000-01-01'`, st.Case.ID, chat).Scan(&at))
		return at
	}
	s := o.scene(t, st.Case.ID)
	for _, spot := range spotsOf(t, o, s, ledgertest.Budget) {
		_, err := o.Pool.Exec(t.Context(), `insert into card_message (case_id, spot, bot_id, chat_id, message_id, digest, at) values ($1, $2, $3, $4, 0, '', now())`,
			st.Case.ID, spot, o.courier.Bot, int64(ledgertest.Budget))
		must(t, err)
	}
	must(t, o.Redraw(t.Context(), st.Case.ID))
	slow := make(chan struct{})
	o.tg.FailNext("sendMessage", telegramtest.Delay(slow)) // the group's
	drawn := o.inBackground(t)
	dead, own := at(ledgertest.Budget), at(group)
	o.until(t, func() bool { return at(group).After(own) }) // renewed
	if got := at(ledgertest.Budget); !got.Equal(dead) {
		t.Errorf("the claim of %s is one of %s now", dead, got)
	}
	close(slow)
	<-drawn
	o.calm(t)
	o.shows(t, st.Case.ID, 1)
}

func spotsOf(t *testing.T, o *office, s scene, chat int64) (keys []string) {
	t.Helper()
	for _, spot := range card.Audience(s.view) {
		if o.chat(t, s, spot) == chat {
			keys = append(keys, spot.Key())
		}
	}
	return keys
}

// TestWhatHangsBelowWaitsWhenACallWasSlow: the case may have moved meanwhile.
func TestWhatHangsBelowWaitsWhenACallWasSlow(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.unlink(t, ledgertest.Requester)
	st := o.withFile(t, "82")
	slow := make(chan struct{})
	o.tg.FailNext("sendMessage", telegramtest.Delay(slow))
	drawn := o.inBackground(t)
	o.Clock.Advance(5500 * time.Millisecond) // the lease holds
	o.Vote(t, "82", ledgertest.Budget, approval.Accept, "")
	close(slow)
	<-drawn
	if got := len(o.tg.CallsOf("sendDocument")); got != 0 {
		t.Errorf("%d files went out before the case was looked at again", got)
	}
	o.calm(t)
	o.shows(t, st.Case.ID, 1)
}

// TestAGroupThatForbidsFilesAloneIsNotLost: its cards come.
func TestAGroupThatForbidsFilesAloneIsNotLost(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.bind(t, group, 0)
	o.tg.FailAlways("sendDocument", telegramtest.Refuse(400, "Bad Request: not enough rights to send documents to the chat"))
	o.withFile(t, "83")
	o.calm(t)
	chats, err := o.Directory.Chats(t.Context())
	must(t, err)
	for _, c := range chats {
		if c.Fault != "" {
			t.Errorf("%s: %s", c.ExternalID, c.Fault)
		}
	}
	if got := o.cards(group, "83"); len(got) != 1 {
		t.Errorf("%d cards in the group", len(got))
	}
	var told int
	must(t, o.Pool.QueryRow(t.Context(), `select count(*) from card_message where chat_id = $1 and fault like '%documents%'`, int64(group)).Scan(&told))
	if told != 1 {
		t.Errorf("the fault is noted of %d messages, want the file", told)
	}
}

// TestALinkIsMadeForAMessageThatGoesOut and not for each time that it has to wait.
func TestALinkIsMadeForAMessageThatGoesOut(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.courier.MaxFile = 4
	o.courier.Links = &handout.Desk{Store: &handout.Store{Pool: o.Pool}, Directory: o.Directory, Files: o.Files, PublicURL: "https://pay.example.org"}
	links := func() (n int) {
		t.Helper()
		must(t, o.Pool.QueryRow(t.Context(), `select count(*) from file_link`).Scan(&n))
		return n
	}
	must(t, o.courier.Pace.Hold(t.Context(), o.courier.Bot, 0, time.Hour))
	o.withFile(t, "84")
	for range 3 {
		once(t, o.courier)
		o.pass(t, 10*time.Second)
	}
	if n := links(); n != 0 {
		t.Errorf("%d links for messages that wait", n)
	}
	o.pass(t, time.Hour)
	o.calm(t)
	if n := links(); n != 1 {
		t.Errorf("%d links for one message", n)
	}
}
