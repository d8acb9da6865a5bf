package telegram

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// Lane says how urgent an update is.
type Lane uint8

// The lanes.
const (
	Slow Lane = iota // Telegram keeps it for ten minutes at least
	Fast             // a tap, kept for 150 s, or an inline query, kept for 30 s
)

// Head is what the way in needs to know of an update.
type Head struct {
	// ID is the update id. It may be set together with an error, if it is all that could be read.
	ID   int64
	Lane Lane
	// Actor is the queue in which Telegram holds the update: the person for taps and inline queries,
	// the chat for all else; zero if there is none.
	Actor int64
	// Name is what Telegram calls the payload, "callback_query" for instance; empty if we do not know it.
	name    string
	payload jsontext.Value
}

// Name returns what Telegram calls the payload, such as "callback_query", and nothing for one that is new to us.
func (h Head) Name() string { return h.name }

// Envelope reads of an update only its id, its lane and whose it is. It is strict about the JSON and the
// id, and leaves the rest to Parse.
func Envelope(body []byte) (Head, error) {
	if depth(body) > maxDepth {
		return Head{}, fmt.Errorf("%w: nested deeper than %d", ErrUnreadable, maxDepth)
	}
	// This is where names that come twice, and a second document, are refused.
	value := jsontext.Value(bytes.TrimSpace(body))
	if !value.IsValid(jsontext.AllowInvalidUTF8(true)) || value.Kind() != '{' {
		return Head{ID: rescue(value)}, fmt.Errorf("%w: not one JSON object, or a name in it comes twice", ErrUnreadable)
	}
	var h Head
	err := members(value, func(name, value []byte) (err error) {
		switch {
		case string(name) == "update_id":
			h.ID, err = identity(value)
		case !payloadName(name):
		case h.name != "":
			err = fmt.Errorf("both %s and %s", h.name, name)
		default:
			h.name, h.payload = string(name), value
		}
		return err
	})
	if err == nil && h.ID <= 0 {
		err = errors.New("no update_id")
	}
	if err == nil {
		err = address(&h)
	}
	if err != nil {
		return Head{ID: max(h.ID, 0)}, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	return h, nil
}

// rescue finds the id of what is otherwise unreadable, so that a poll can go on behind it.
func rescue(value jsontext.Value) int64 {
	if !value.IsValid(jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true)) || value.Kind() != '{' {
		return 0
	}
	var id int64
	_ = members(value, func(name, value []byte) error {
		if string(name) == "update_id" && id == 0 {
			id, _ = identity(value) // none stays zero
		}
		return nil
	})
	return max(id, 0)
}

// address finds lane and actor.
func address(h *Head) error {
	key := "chat"
	switch h.name {
	case "":
		return nil
	case "callback_query", "inline_query":
		h.Lane, key = Fast, "from"
	case "chosen_inline_result":
		key = "from"
	}
	if h.payload.Kind() != '{' {
		return fmt.Errorf("%s is not an object", h.name)
	}
	return members(h.payload, func(name, value []byte) error {
		if string(name) != key || value[0] != '{' { // Parse judges what is none
			return nil
		}
		return members(value, func(name, value []byte) (err error) {
			if string(name) == "id" {
				h.Actor, err = identity(value)
			}
			return err
		})
	})
}

// members calls each with the names and values of an object, which is known to be valid.
func members(object []byte, each func(name, value []byte) error) error {
	i := skipSpace(object, 1) // behind the brace
	for object[i] != '}' {
		if object[i] == ',' {
			i = skipSpace(object, i+1)
		}
		end := skipValue(object, i)
		name := object[i+1 : end-1]
		if bytes.IndexByte(name, '\\') >= 0 {
			name, _ = jsontext.AppendUnquote(nil, object[i:end]) // valid, or nearly: then it is no name of ours
		}
		i = skipSpace(object, skipSpace(object, end)+1) // behind the colon
		end = skipValue(object, i)
		if err := each(name, object[i:end]); err != nil {
			return err
		}
		i = skipSpace(object, end)
	}
	return nil
}

func skipSpace(b []byte, i int) int {
	for b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r' {
		i++
	}
	return i
}

// skipValue returns where the value that begins at i ends.
func skipValue(b []byte, i int) int {
	nested, quoted := 0, false
	for ; i < len(b); i++ {
		switch c := b[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
			if !quoted && nested == 0 {
				return i + 1
			}
		case quoted:
		case c == '{', c == '[':
			nested++
		case (c == '}' || c == ']') && nested > 0:
			nested--
			if nested == 0 {
				return i + 1
			}
		case nested == 0 && bytes.IndexByte([]byte(",:}] \n\t\r"), c) >= 0:
			return i // the end of a number, true, false or null
		}
	}
	return i
}

// identity reads a whole number that is written as one.
func identity(v []byte) (int64, error) {
	n, err := strconv.ParseInt(string(v), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("id is not a whole number of 64 bits: %w", errIdentity)
	}
	return n, nil
}

// depth is how deeply the brackets nest, strings left out.
func depth(body []byte) int {
	now, most, quoted := 0, 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{', c == '[':
			now++
			most = max(most, now)
		case c == '}', c == ']':
			now--
		}
	}
	return most
}

// payloadName says whether name is a payload that Telegram is known to send; an update has one at most.
func payloadName(name []byte) bool {
	switch string(name) {
	case "message", "edited_message", "callback_query", "inline_query", "chosen_inline_result", "my_chat_member",
		"channel_post", "edited_channel_post", "business_connection", "business_message", "edited_business_message",
		"deleted_business_messages", "guest_message", "message_reaction", "message_reaction_count", "shipping_query",
		"pre_checkout_query", "purchased_paid_media", "poll", "poll_answer", "chat_member", "chat_join_request",
		"chat_boost", "removed_chat_boost", "managed_bot":
		return true
	default:
		return false
	}
}
