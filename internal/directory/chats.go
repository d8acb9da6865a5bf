package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/ident"
)

// ChatKind is what sort of place a chat is.
type ChatKind string

// The kinds of chats.
const (
	Group      ChatKind = "group"
	Supergroup ChatKind = "supergroup"
	Channel    ChatKind = "channel"
)

// lastGroup is the border between groups and, below it, supergroups and channels.
const lastGroup = -1_000_000_000_000

// Chat is a place where notices of documents go.
type Chat struct {
	ID           string
	ExternalID   string
	TelegramID   int64
	Thread       int64 // a topic of a supergroup; 0: none
	Title        string
	Notices      []string // document types
	Rules        []Rule   // narrower wishes for some of them
	Hidden       []string // fields that are never told there, of those in Hideable
	NoFiles      bool     // the files of a document are not sent there
	Protect      bool     // what is sent cannot be forwarded or saved
	Fallback     bool     // is told when nobody can be asked about a document
	Kind         ChatKind // empty when put: told from the id
	Disabled     bool
	MigratedFrom int64     // the id before the group became a supergroup; 0: never did
	Fault        string    // why nothing arrives; empty: all is well
	FaultAt      time.Time // zero without a fault
}

// chatNote is a chat in the journal.
type chatNote struct {
	TelegramID   int64    `json:"telegram_chat_id"`
	Thread       int64    `json:"thread_id,omitempty"`
	Title        string   `json:"title"`
	Notices      []string `json:"notices,omitempty"`
	Rules        []Rule   `json:"rules,omitempty"`
	Hidden       []string `json:"hidden,omitempty"`
	NoFiles      bool     `json:"no_files,omitempty"`
	Protect      bool     `json:"protect,omitempty"`
	Fallback     bool     `json:"fallback,omitempty"`
	Kind         ChatKind `json:"kind"`
	Disabled     bool     `json:"disabled,omitempty"`
	MigratedFrom int64    `json:"migrated_from,omitempty"`
	Fault        string   `json:"fault,omitempty"`
}

func (c Chat) note() chatNote {
	return chatNote{
		TelegramID: c.TelegramID, Thread: c.Thread, Title: c.Title, Notices: c.Notices, Rules: c.Rules, Hidden: c.Hidden, NoFiles: c.NoFiles,
		Protect: c.Protect, Fallback: c.Fallback, Kind: c.Kind, Disabled: c.Disabled, MigratedFrom: c.MigratedFrom, Fault: c.Fault,
	}
}

func (c Chat) check() error {
	faults := []string{
		plain("external_id", c.ExternalID, 1, 200),
		plain("title", c.Title, 1, 255),
	}
	for _, n := range c.Notices {
		faults = append(faults, plain("document type in notices", n, 1, 100))
	}
	if len(c.Notices) > 100 {
		faults = append(faults, fmt.Sprintf("notices has %d document types, at most 100 fit", len(c.Notices)))
	}
	faults = append(append(faults, c.checkRules()...), c.checkHidden()...)
	if c.TelegramID >= 0 || c.TelegramID < -maxAccount {
		faults = append(faults, fmt.Sprintf("telegram_chat_id %d is not a group or channel: their ids are negative", c.TelegramID))
	}
	if (c.Kind == Group) != (c.TelegramID > lastGroup) || !slices.Contains([]ChatKind{Group, Supergroup, Channel}, c.Kind) {
		faults = append(faults, fmt.Sprintf("kind %s does not fit telegram_chat_id %d", shown(string(c.Kind)), c.TelegramID))
	}
	if c.Thread != 0 && (c.Kind != Supergroup || c.Thread < 0 || c.Thread > 1<<31-1) {
		faults = append(faults, fmt.Sprintf("thread_id %d: only a supergroup has topics, and their ids are positive", c.Thread))
	}
	faults = slices.DeleteFunc(faults, func(f string) bool { return f == "" })
	if len(faults) > 0 {
		return fmt.Errorf("%s: %w", strings.Join(faults, "; "), ErrInvalid)
	}
	return nil
}

// ChatField is a field that whoever puts a chat may leave as it is stored.
type ChatField int

// The fields that may be left; of a new chat they are false.
const (
	KeepFallback ChatField = iota
	KeepDisabled
	KeepHidden
	// KeepFiles sends none where fields begin to be hidden: a file may show them all.
	KeepFiles
	KeepProtect
)

// PutChat stores a chat under its external id and reports whether it is new. What
// Telegram told of it stays: the id it has now, where the caller still names the one
// before the migration, and the fault, unless the place is another. So do the fields that
// keep names.
func (s *Store) PutChat(ctx context.Context, actor string, c Chat, keep ...ChatField) (stored Chat, created bool, err error) {
	err = s.write(ctx, actor, func(w *writer) (err error) {
		stored, created, err = w.putChat(ctx, c, keep)
		return err
	})
	if err != nil {
		return Chat{}, false, fmt.Errorf("chat %s: %w", shown(c.ExternalID), err)
	}
	return stored, created, nil
}

func (w *writer) putChat(ctx context.Context, c Chat, keep []ChatField) (stored Chat, created bool, err error) {
	if fault := plain("external_id", c.ExternalID, 1, 200); fault != "" {
		return Chat{}, false, fmt.Errorf("%s: %w", fault, ErrInvalid)
	}
	old, err := oneChat(ctx, w.tx, "external_id = $1", c.ExternalID)
	created = errors.Is(err, ErrUnknown)
	if err != nil && !created {
		return Chat{}, false, err
	}
	c = c.kept(old, keep).normal(old)
	if err := c.check(); err != nil {
		return Chat{}, false, err
	}
	if !c.Disabled {
		if err := w.placeFree(ctx, c); err != nil {
			return Chat{}, false, err
		}
	}
	if !created {
		if !sameChat(old, c) {
			w.note("chat.changed", c.ExternalID, old.note(), c.note())
			err = w.updateChat(ctx, c)
		}
		return c, false, err
	}
	if c.ID, err = ident.New("cht"); err != nil {
		return Chat{}, false, err
	}
	_, err = w.tx.Exec(ctx, `
		insert into chat (id, external_id, telegram_chat_id, thread_id, title, notices, kind, active, created_at, fallback, rules, hidden, files, protect)
		values ($1, $2, $3, nullif($4::bigint, 0), $5, $6, $7, not $8::boolean, $9, $10, $11, $12, not $13::boolean, $14)`,
		c.ID, c.ExternalID, c.TelegramID, c.Thread, c.Title, c.Notices, c.Kind, c.Disabled, w.at, c.Fallback, c.Rules, c.Hidden, c.NoFiles, c.Protect)
	w.note("chat.added", c.ExternalID, nil, c.note())
	return c, true, err
}

// kept gives the chat with the fields that stay as they are stored.
func (c Chat) kept(old Chat, keep []ChatField) Chat {
	for _, field := range keep {
		switch field {
		case KeepFallback:
			c.Fallback = old.Fallback
		case KeepDisabled:
			c.Disabled = old.Disabled
		case KeepHidden:
			c.Hidden = old.Hidden
		case KeepProtect:
			c.Protect = old.Protect
		case KeepFiles:
		}
	}
	if slices.Contains(keep, KeepFiles) {
		c.NoFiles = old.NoFiles || len(c.Hidden) > 0 && len(old.Hidden) == 0
	}
	return c
}

// normal gives the chat in the form in which it is stored, given what is stored now.
func (c Chat) normal(old Chat) Chat {
	c.ID, c.Title = old.ID, strings.TrimSpace(c.Title)
	c.Notices = slices.Compact(slices.Sorted(slices.Values(c.Notices)))
	c.Hidden = slices.Compact(slices.Sorted(slices.Values(c.Hidden)))
	if c.Notices == nil {
		c.Notices = []string{}
	}
	if c.Hidden == nil {
		c.Hidden = []string{}
	}
	if c.Rules == nil {
		c.Rules = []Rule{}
	}
	if old.MigratedFrom != 0 && c.TelegramID == old.MigratedFrom {
		c.TelegramID, c.Kind = old.TelegramID, old.Kind
	}
	samePlace := c.TelegramID == old.TelegramID
	c.MigratedFrom, c.Fault, c.FaultAt = 0, "", time.Time{}
	if samePlace {
		c.MigratedFrom = old.MigratedFrom
	}
	if samePlace && c.Thread == old.Thread {
		c.Fault, c.FaultAt = old.Fault, old.FaultAt
	}
	switch {
	case c.Kind != "":
	case samePlace:
		c.Kind = old.Kind
	case c.TelegramID > lastGroup:
		c.Kind = Group
	default:
		c.Kind = Supergroup
	}
	return c
}

func sameChat(a, b Chat) bool {
	return a.TelegramID == b.TelegramID && a.Thread == b.Thread && a.Title == b.Title && a.Kind == b.Kind &&
		a.Disabled == b.Disabled && a.Fallback == b.Fallback && a.MigratedFrom == b.MigratedFrom && a.Fault == b.Fault && slices.Equal(a.Notices, b.Notices) &&
		a.NoFiles == b.NoFiles && a.Protect == b.Protect && slices.Equal(a.Hidden, b.Hidden) && sameRules(a.Rules, b.Rules)
}

// placeFree refuses a place that another enabled chat has: it would get everything twice.
func (w *writer) placeFree(ctx context.Context, c Chat) error {
	other, err := oneChat(ctx, w.tx, "active and telegram_chat_id = $1 and coalesce(thread_id, 0) = $2 and external_id <> $3", c.TelegramID, c.Thread, c.ExternalID)
	if errors.Is(err, ErrUnknown) {
		return nil
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("telegram_chat_id %d as %s: %w", c.TelegramID, shown(other.ExternalID), ErrTaken)
}

func (w *writer) updateChat(ctx context.Context, c Chat) error {
	var faultAt *time.Time
	if c.Fault != "" {
		faultAt = &c.FaultAt
	}
	_, err := w.tx.Exec(ctx, `
		update chat set telegram_chat_id = $2, thread_id = nullif($3::bigint, 0), title = $4, notices = $5, kind = $6,
			active = not $7::boolean, migrated_from = nullif($8::bigint, 0), fault = $9, fault_at = $10, fallback = $11,
			rules = $12, hidden = $13, files = not $14::boolean, protect = $15,
			changes = changes + case when (telegram_chat_id, coalesce(thread_id, 0), notices, active, fallback, rules, hidden, files, protect)
				is distinct from ($2, $3::bigint, $5, not $7::boolean, $11, $12, $13, not $14::boolean, $15) then 1 else 0 end
		where id = $1`,
		c.ID, c.TelegramID, c.Thread, c.Title, c.Notices, c.Kind, c.Disabled, c.MigratedFrom, c.Fault, faultAt, c.Fallback,
		c.Rules, c.Hidden, c.NoFiles, c.Protect)
	return err
}

// MigrateChat follows a group that became a supergroup. Telegram tells it more than once;
// a chat not registered here is no error. Where the new place is registered already, the
// old entry is disabled and says so.
func (s *Store) MigrateChat(ctx context.Context, from, to int64) error {
	err := s.write(ctx, actorTelegram, func(w *writer) error {
		old, err := someChats(ctx, w.tx, "telegram_chat_id = $1", from)
		if err != nil || from == to {
			return err
		}
		for _, c := range old {
			if err := w.migrate(ctx, c, to); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("migrate chat %d to %d: %w", from, to, err)
	}
	return nil
}

func (w *writer) migrate(ctx context.Context, c Chat, to int64) error {
	before := c.note()
	moved := c
	moved.MigratedFrom, moved.TelegramID, moved.Kind, moved.Fault = c.TelegramID, to, Supergroup, ""
	if err := moved.check(); err != nil {
		return err
	}
	err := w.placeFree(ctx, moved)
	if errors.Is(err, ErrTaken) {
		moved = c
		moved.Disabled, moved.Fault, moved.FaultAt = true, fmt.Sprintf("the group became %d, which is registered already", to), w.at
		err = nil
	}
	if err != nil || sameChat(c, moved) {
		return err
	}
	w.note("chat.migrated", c.ExternalID, before, moved.note())
	return w.updateChat(ctx, moved)
}

// Chats lists all chats, the disabled ones too, ordered by external id.
func (s *Store) Chats(ctx context.Context) ([]Chat, error) {
	return someChats(ctx, s.Pool, "true")
}

// ChatsFor lists the enabled chats that want notices of the document type, and those
// that are told when nobody can be asked. Those with a fault are among them: only
// sending shows that it has passed.
func (s *Store) ChatsFor(ctx context.Context, documentType string) ([]Chat, error) {
	return someChats(ctx, s.Pool, "active and (fallback or $1 = any (notices))", documentType)
}

// ChatsAt lists what is registered for a Telegram chat: one entry for each topic.
func (s *Store) ChatsAt(ctx context.Context, telegramID int64) ([]Chat, error) {
	return someChats(ctx, s.Pool, "telegram_chat_id = $1", telegramID)
}

func oneChat(ctx context.Context, q Querier, condition string, args ...any) (Chat, error) {
	chats, err := someChats(ctx, q, condition, args...)
	if err == nil && len(chats) == 0 {
		err = ErrUnknown
	}
	if err != nil {
		return Chat{}, err
	}
	return chats[0], nil
}

func someChats(ctx context.Context, q Querier, condition string, args ...any) ([]Chat, error) {
	rows, err := q.Query(ctx, `
		select id, external_id, telegram_chat_id, coalesce(thread_id, 0), title, notices, kind, not active,
		       coalesce(migrated_from, 0), fault, fault_at, fallback, rules, hidden, not files, protect
		from chat where `+condition+` order by external_id`, args...)
	if err != nil {
		return nil, fmt.Errorf("chats: %w", err)
	}
	chats, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Chat, error) {
		var (
			c       Chat
			faultAt *time.Time
		)
		err := row.Scan(&c.ID, &c.ExternalID, &c.TelegramID, &c.Thread, &c.Title, &c.Notices, &c.Kind, &c.Disabled,
			&c.MigratedFrom, &c.Fault, &faultAt, &c.Fallback, &c.Rules, &c.Hidden, &c.NoFiles, &c.Protect)
		c.FaultAt = instant(faultAt)
		return c, err
	})
	if err != nil {
		return nil, fmt.Errorf("chats: %w", err)
	}
	return chats, nil
}
