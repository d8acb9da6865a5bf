package telegramtest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// How long the server keeps an update that nobody takes.
const (
	TapLife     = 150 * time.Second
	InlineLife  = 30 * time.Second
	chosenLife  = 600 * time.Second
	messageLife = 24 * time.Hour
)

// update waits to be delivered.
type update struct {
	id      int64
	kind    string
	queue   string // only the first of a queue is on its way
	body    []byte
	query   *query // what ends when the update is dropped
	userID  int64
	expires time.Time
	next    time.Time // when to try again
	backoff time.Duration
	tries   int
}

// enqueue adds an update if the bot wants its kind, and returns its id or zero.
func (s *Server) enqueue(u *update, payload any, life time.Duration) int64 {
	if !s.wants(u.kind) {
		return 0
	}
	s.last.update++
	u.id = s.last.update
	u.body = rawJSON(map[string]any{"update_id": u.id, u.kind: payload})
	s.push(u, life)
	return u.id
}

func (s *Server) push(u *update, life time.Duration) {
	u.expires = s.clock.Now().Add(life)
	s.pending = append(s.pending, u)
	s.touch()
	s.deliver(u.queue)
}

// wants says whether a kind of update is delivered.
func (s *Server) wants(kind string) bool {
	if s.allowed == nil {
		return !slices.Contains([]string{"chat_member", "message_reaction", "message_reaction_count"}, kind)
	}
	return slices.Contains(s.allowed, kind)
}

// allow takes the allowed_updates of a call: absent keeps what is set, unknown names do not count.
func (s *Server) allow(c *call) *refusal {
	var names []string
	there, refused := c.object("allowed_updates", &names)
	if refused != nil || !there {
		return refused
	}
	known := []string{
		"message", "edited_message", "channel_post", "edited_channel_post", "callback_query", "inline_query",
		"chosen_inline_result", "my_chat_member", "chat_member", "chat_join_request", "message_reaction", "message_reaction_count",
		"poll", "poll_answer", "shipping_query", "pre_checkout_query", "chat_boost", "removed_chat_boost",
	}
	names = slices.DeleteFunc(names, func(n string) bool { return !slices.Contains(known, n) })
	if s.allowed = names; len(names) == 0 {
		s.allowed = nil
	}
	return nil
}

func (s *Server) messageUpdate(c *chat, m *Message, more map[string]any) {
	w := s.wireMessage(m)
	maps.Copy(w, more)
	s.enqueue(&update{kind: "message", queue: "chat " + itoa(c.ID), userID: m.From}, w, messageLife)
}

// memberUpdate tells the bot that its own place in a chat changed.
func (s *Server) memberUpdate(c *chat, actor int64, before, after string) {
	kind := EventBlocked
	if after == statusMember || after == "administrator" {
		kind = EventUnblocked
	}
	s.record(Event{Kind: kind, UserID: actor, ChatID: c.ID})
	s.enqueue(&update{kind: "my_chat_member", queue: "chat " + itoa(c.ID), userID: actor}, map[string]any{
		"chat": s.wireChat(c.ID), "from": s.wireUser(actor), "date": s.clock.Now().Unix(),
		"old_chat_member": s.wireMember(s.botID, before), "new_chat_member": s.wireMember(s.botID, after),
	}, messageLife)
}

// prune drops what is too old.
func (s *Server) prune() {
	now := s.clock.Now()
	s.pending = slices.DeleteFunc(s.pending, func(u *update) bool {
		if u.expires.After(now) {
			return false
		}
		s.dropped(u, EventExpired)
		return true
	})
}

func (s *Server) dropped(u *update, why EventKind) {
	if u.query != nil {
		u.query.end()
	}
	s.record(Event{Kind: why, UserID: u.userID, UpdateID: u.id, Text: u.kind})
}

// taken removes an update that the bot has got.
func (s *Server) taken(u *update) {
	s.pending = slices.DeleteFunc(s.pending, func(other *update) bool { return other == u })
	s.record(Event{Kind: EventDelivered, UserID: u.userID, UpdateID: u.id, Text: u.kind})
}

// Pending returns the ids of the updates that wait, in their order.
func (s *Server) Pending() []int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.prune()
	ids := make([]int64, len(s.pending))
	for i, u := range s.pending {
		ids[i] = u.id
	}
	return ids
}

// Inject adds an update with this body, whatever it is, to a queue; the bot gets it as it stands. While one in a queue
// is refused, those behind it wait. For updates of the server's own the queues are "chat ID" and "tap ID".
func (s *Server) Inject(queue string, body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var head struct {
		ID int64 `json:"update_id"`
	}
	if err := json.Unmarshal(body, &head); err != nil {
		head.ID = 0 // the body may be anything
	}
	s.push(&update{id: head.ID, kind: "injected", queue: queue, body: slices.Clone(body)}, messageLife)
}

// Repeat delivers an update once more, with the same id.
func (s *Server) Repeat(updateID int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.recent(updateID)
	if u == nil {
		return fmt.Errorf("repeat update %d: %w", updateID, ErrNotPossible)
	}
	again := *u
	again.tries, again.backoff, again.next = 0, 0, time.Time{}
	again.queue += " again" // beside the others
	s.push(&again, TapLife)
	return nil
}

// recent finds an update of a tap by its id, whether delivered or not.
func (s *Server) recent(updateID int64) *update {
	for _, q := range s.queries {
		if q.update != nil && q.update.id == updateID {
			return q.update
		}
	}
	return nil
}

// JumpUpdateID makes the next update have this id, as happens after an idle week.
func (s *Server) JumpUpdateID(next int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last.update = next - 1
}

// Pause stops deliveries and polls from giving out updates; they gather.
func (s *Server) Pause() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.resume == nil {
		s.resume = make(chan struct{})
	}
}

// Resume ends Pause.
func (s *Server) Resume() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.resume != nil {
		close(s.resume)
		s.resume = nil
		s.touch()
	}
}

// Reorder puts the waiting updates into the order that compare gives, by their ids. Best while paused.
func (s *Server) Reorder(compare func(a, b int64) int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.SortStableFunc(s.pending, func(a, b *update) int { return compare(a.id, b.id) })
	s.touch()
}

// Backwards is an order for Reorder.
func Backwards(a, b int64) int { return cmp.Compare(b, a) }
