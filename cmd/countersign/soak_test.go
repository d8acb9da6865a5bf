package main

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/internal/telegram/telegramtest"
)

const (
	// soakScale makes a second of the messenger's limits a tenth of one: the limits of the
	// messenger and the gateway's own are both so much higher.
	soakScale = 10
	// soakOpen is how many documents wait for somebody at a time: more come as others end.
	soakOpen = 400
	// soakCompanies is how many companies there are, each with two cost centers, two
	// requesters, a finance manager, a treasurer and a group.
	soakCompanies = 20
)

// town is a company of many, whose people approve whatever comes.
type town struct {
	*world

	documents int
	greeted   map[telegramtest.Outcome]int // calls before the first document
	mu        sync.Mutex
	tapped    map[[2]int64]bool // chat and message
	wrong     []string          // answers to taps that are none of an approval
}

// TestSoak lets many documents through at the messenger's limits: no call too many, no
// message lost or doubled, and the calls of a decided case beside the least there can be.
// COUNTERSIGN_SOAK says how many documents; 100 when empty.
func TestSoak(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ctx, stop := context.WithCancel(t.Context())
	var people sync.WaitGroup
	people.Go(func() { w.approve(ctx) })
	started := time.Now()
	w.postAll()
	w.await(w.documents)
	decided := time.Since(started)
	w.quiet()
	stop()
	people.Wait()
	t.Logf("%d documents decided in %.0f s, all messages true after %.0f s, limits of the messenger times %d",
		w.documents, decided.Seconds(), time.Since(started).Seconds(), soakScale)
	w.figures()
	w.refused()
	w.audit()
	if len(w.wrong) > 0 {
		t.Errorf("%d taps were answered otherwise, the first: %s", len(w.wrong), w.wrong[0])
	}
}

// newTown has two gateways at the rates that they have by themselves.
func newTown(tb testing.TB) *town {
	tb.Helper()
	limits := telegramtest.RealLimits()
	w := &town{documents: 100, tapped: map[[2]int64]bool{}, world: outside(tb, "webhook", telegramtest.Options{
		Limits: telegramtest.Limits{
			PerChat: limits.PerChat * soakScale, Burst: limits.Burst, PerGroup: limits.PerGroup * soakScale, Overall: limits.Overall * soakScale,
		},
		Keep: 60_000,
	})}
	if n, err := strconv.Atoi(os.Getenv("COUNTERSIGN_SOAK")); err == nil {
		w.documents = n
	}
	w.extra = []string{
		fmt.Sprintf("COUNTERSIGN_TELEGRAM_MESSAGES_PER_SECOND=%d", 25*soakScale),
		fmt.Sprintf("COUNTERSIGN_TELEGRAM_CHAT_MESSAGES_PER_SECOND=%d", soakScale),
		fmt.Sprintf("COUNTERSIGN_TELEGRAM_GROUP_MESSAGES_PER_MINUTE=%d", 20*soakScale),
	}
	var people strings.Builder
	people.WriteString("external_id,email,name,roles,telegram_id,locale\n")
	account := int64(10_000)
	add := func(name, role string) {
		account++
		fmt.Fprintf(&people, "%s,%s@example.org,%s,%s,%d,en\n", name, name, strings.ToUpper(name), role, account)
		w.tg.User(account, name, "en")
	}
	for c := range soakCompanies {
		for half := range 2 {
			add(fmt.Sprintf("asks-%d-%d", c, half), "requester")
			add(fmt.Sprintf("budget-%d-%d", c, half), fmt.Sprintf("budget_holder@CC-%d-%d", c, half))
		}
		add(fmt.Sprintf("finance-%d", c), fmt.Sprintf("finance_manager@LLC-%d", c))
		add(fmt.Sprintf("treasurer-%d", c), fmt.Sprintf("treasurer@LLC-%d", c))
	}
	w.furnish(people.String())
	for _, u := range w.tg.Users() {
		if !u.Bot {
			w.join(u.ID, u.Name)
		}
	}
	for range 2 {
		w.start("")
	}
	for _, u := range w.tg.Users() {
		if !u.Bot {
			w.sees(u.ID, "Hello")
		}
	}
	w.greeted = w.tg.Counts()
	for c := range soakCompanies {
		w.addGroup(c)
	}
	return w
}

func groupOf(company int) int64 { return -1002000000000 - int64(company) }

// addGroup binds a group that is told of one company.
func (w *town) addGroup(company int) {
	w.t.Helper()
	title := fmt.Sprintf("Payments of LLC-%d", company)
	if err := w.tg.AddChat(telegramtest.Chat{ID: groupOf(company), Type: telegramtest.Supergroup, Title: title}); err != nil {
		w.t.Fatal(err)
	}
	w.call(http.MethodPut, fmt.Sprintf("/v1/chats/group-%d", company), map[string]any{
		"telegram_chat_id": groupOf(company), "title": title,
		"notices": []any{map[string]any{"type": "payment_request", "companies": []string{fmt.Sprintf("LLC-%d", company)}}},
	}, http.StatusCreated)
}

func soakNumber(i int) string { return fmt.Sprintf("S-%05d", i) }

// postAll posts one document after the other, as room is made by those that end.
func (w *town) postAll() {
	w.t.Helper()
	for i := range w.documents {
		if i%20 == 0 && i >= soakOpen {
			w.await(i - soakOpen)
		}
		body := payment(soakNumber(i), fmt.Sprintf("%d.00", 100+i))
		body["company"], body["cost_center"] = fmt.Sprintf("LLC-%d", i%soakCompanies), fmt.Sprintf("CC-%d-%d", i%soakCompanies, i/soakCompanies%2)
		body["requester"] = fmt.Sprintf("asks-%d-%d", i%soakCompanies, i/soakCompanies%2)
		w.call(http.MethodPut, documentPath(soakNumber(i)), body, http.StatusCreated)
	}
}

// await waits until so many documents are approved.
func (w *town) await(n int) {
	w.t.Helper()
	w.until(fmt.Sprintf("%d documents are approved", n), `select count(*) >= $1 from approval_case where state = 'approved'`, n)
}

// quiet waits until the gateway has nothing left to show.
func (w *town) quiet() {
	w.t.Helper()
	w.until("every message is true", `select count(*) = 0 from approval_case where cards_at < events`)
}

// until asks the database, which is idle enough, until a statement is true, while the
// messenger has seen something within the last minute.
func (w *town) until(what, sql string, args ...any) {
	w.t.Helper()
	version, seen := int64(-1), time.Now()
	for {
		var done bool
		if err := w.pool.QueryRow(w.t.Context(), sql, args...).Scan(&done); err != nil {
			w.t.Fatal(err)
		}
		if done {
			return
		}
		if v := w.tg.Version(); v != version {
			version, seen = v, time.Now()
		}
		if time.Since(seen) > time.Minute {
			w.t.Fatalf("nothing happens any more, and never %s\n%s", what, w.logs())
		}
		pause(50 * time.Millisecond)
	}
}

// approve taps each card that asks for a decision, a few people at a time.
func (w *town) approve(ctx context.Context) {
	var all sync.WaitGroup
	defer all.Wait()
	hands := make(chan struct{}, 16)
	version, last := int64(0), int64(0)
	for {
		var err error
		if version, err = w.tg.Changed(ctx, version); err != nil {
			return
		}
		for _, e := range w.tg.Since(last) {
			last = e.Number
			if e.Kind != telegramtest.EventShown && e.Kind != telegramtest.EventEdited || e.ChatID < 0 {
				continue
			}
			m, ok := w.tg.Message(e.ChatID, e.MessageID)
			if !ok || !hasButton(m, "✅") || !w.first(m) {
				continue
			}
			hands <- struct{}{}
			all.Go(func() {
				defer func() { <-hands }()
				w.tapOnce(ctx, m)
			})
		}
	}
}

func (w *town) first(m telegramtest.Message) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	key := [2]int64{m.ChatID, m.ID}
	if w.tapped[key] {
		return false
	}
	w.tapped[key] = true
	return true
}

func (w *town) tapOnce(ctx context.Context, m telegramtest.Message) {
	a, err := w.tg.Tap(ctx, m.ChatID, m.ChatID, m.ID, "✅")
	if err != nil || !strings.HasPrefix(a.Text, "✅") {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.wrong = append(w.wrong, fmt.Sprintf("%s: %q, %v", m.Text, a.Text, err))
	}
}

// The least calls of a case of three steps: three cards, the requester's and the group's are
// sent, and he is told the outcome; each tap is answered; the first two taps take their buttons
// away at once, and each of the five messages says the end. That the messages of the others
// follow each step, too, is the rest: five edits, or fewer where several steps make one.
const (
	leastSent  = 5 + 1
	leastTold  = 3
	leastEdits = 2 + 5
)

// figures says how many calls there were, and fails for one that the limits refused.
func (w *town) figures() {
	w.t.Helper()
	counts := w.tg.Counts()
	per := func(methods ...string) float64 {
		n := 0
		for o, many := range counts {
			if slices.Contains(methods, o.Method) {
				n += many - w.greeted[o]
			}
		}
		return float64(n) / float64(w.documents)
	}
	sent, told, edits := per("sendMessage", "sendDocument"), per("answerCallbackQuery"), per("editMessageText", "editMessageCaption")
	w.t.Logf("calls per decided case: %.2f (least %d): sent %.2f (%d), answers %.2f (%d), edits %.2f (%d)",
		sent+told+edits, leastSent+leastTold+leastEdits, sent, leastSent, told, leastTold, edits, leastEdits)
	f, limits := w.tg.Fullest(), telegramtest.RealLimits()
	w.t.Logf("fullest second %d of %d, fullest chat %d of %d, fullest group's minute %d of %d",
		f.Second, limits.Overall*soakScale, f.Chat, limits.PerChat*soakScale*limits.Burst, f.Group, limits.PerGroup*soakScale)
	for _, o := range slices.SortedFunc(maps.Keys(counts), func(a, b telegramtest.Outcome) int { return strings.Compare(a.Method, b.Method) }) {
		if o.Code != 0 {
			w.t.Logf("%s refused with %d: %d", o.Method, o.Code, counts[o])
		}
		if o.Code == http.StatusTooManyRequests {
			w.t.Errorf("%d calls of %s were too many; refused by limit: %+v", counts[o], o.Method, f.Refused)
		}
	}
}

// refused tells what the messenger refused, as far as it remembers, beside what was said of the
// same message right before.
func (w *town) refused() {
	w.t.Helper()
	last := map[[2]string]telegramtest.Call{}
	for _, c := range w.tg.Calls() {
		message := [2]string{c.Params["chat_id"], c.Params["message_id"]}
		if c.Code == http.StatusBadRequest {
			before := last[message]
			w.t.Logf("%s refused: %s\n%s\n%s before, %s: lost %q, done %t, the same %t",
				c.Method, c.Description, c.Params["text"], c.At.Sub(before.At), before.Method, before.Lost, before.Done, before.Params["text"] == c.Params["text"])
		}
		last[message] = c
	}
}

// audit looks at every message of everybody: each document has one card in each of its
// five chats, and all of them say the end.
func (w *town) audit() {
	w.t.Helper()
	number := regexp.MustCompile(`S-\d{5}`)
	cards, untrue := map[string]int{}, 0
	for _, c := range w.tg.Chats() {
		for _, m := range w.tg.Messages(c.ID) {
			id := number.FindString(m.Text)
			if id == "" || m.ReplyTo != 0 { // what replies to a card tells the outcome
				continue
			}
			cards[id]++
			if !strings.Contains(m.Text, "✅") || strings.Contains(m.Text, "⏳") || hasButton(m, "✅") || hasButton(m, "❌") {
				untrue++
			}
		}
	}
	lost, doubled := 0, 0
	for i := range w.documents {
		n := cards[soakNumber(i)]
		lost, doubled = lost+max(5-n, 0), doubled+max(n-5, 0)
	}
	w.t.Logf("messages lost %d, doubled %d, untrue %d of %d", lost, doubled, untrue, 5*w.documents)
	if lost+doubled+untrue > 0 {
		w.t.Error("not every chat shows every document once, as it ended")
	}
}
