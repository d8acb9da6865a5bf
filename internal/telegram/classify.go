package telegram

import (
	"net/http"
	"slices"
	"strings"
)

// Classify says what an answer of the Bot API means. Telegram has no codes for its refusals, so the text is
// matched by substring, without regard to case, the first row that fits; where no text is known the
// code decides.
func Classify(method string, code int, description string) Kind {
	switch {
	case code >= http.StatusInternalServerError:
		return lost(method)
	case code == http.StatusTooManyRequests:
		return RateLimited
	}
	text := strings.ToLower(description)
	if strings.Contains(text, "failed to send message #") { // of an album: the others may be there
		return lost(method)
	}
	for _, row := range refusals() {
		if slices.ContainsFunc(row.texts, func(known string) bool { return strings.Contains(text, known) }) {
			return row.kind
		}
	}
	switch code {
	case http.StatusForbidden:
		return Unreachable
	case http.StatusUnauthorized, http.StatusNotFound, http.StatusProxyAuthRequired:
		return Config
	case http.StatusConflict:
		return Conflict
	case http.StatusRequestEntityTooLarge:
		return TooLarge
	case http.StatusRequestTimeout:
		return lost(method)
	default:
		return Bug
	}
}

type refusal struct {
	kind  Kind
	texts []string
}

// refusals is the vocabulary of refusals, in lower case.
func refusals() []refusal {
	return []refusal{
		{NotModified, []string{"message is not modified", "message_not_modified"}},
		{Gone, []string{
			"message to edit not found", "message can't be edited", "message_id_invalid", "inline_message_id_invalid",
			"message to delete not found", "message can't be deleted",
			"message to be replied not found", "message to reply not found", "message to react not found",
			"there is no text in the message to edit", "there is no caption in the message to edit",
		}},
		{QueryTooOld, []string{"query is too old", "query id is invalid", "query_id_invalid"}},
		{Migrated, []string{"upgraded to a supergroup"}},
		{TopicGone, []string{"message thread not found", "topic_closed", "topic_deleted", "topic_id_invalid"}},
		{NoRights, []string{
			"not enough rights", "have no rights", "need administrator rights",
			"chat_write_forbidden", "chat_restricted", "chat_admin_required",
		}},
		{Unreachable, []string{
			"chat not found", "user not found", "peer_id_invalid", "user_is_blocked", "input_user_deactivated",
			"bot was blocked by the user", "user is deactivated", "can't initiate conversation", "can't send messages to bots",
			"bot was kicked", "bot is not a member", "chat was deleted",
		}},
		{BadEntities, []string{"can't parse entities", "entity_bounds_invalid"}},
		{TooLarge, []string{
			"message is too long", "message_too_long", "caption is too long", "caption_too_long", "text is too long",
			"file is too big", "entity too large",
		}},
		{BadFile, []string{
			"wrong file identifier", "wrong file_id", "file is temporarily unavailable", "wrong remote file",
			"file reference", "file_reference", "file must be non-empty", "can't use file of type", "failed to get http url content",
		}},
		{Config, []string{"bad webhook", "invalid webhook url", "secret token"}},
	}
}

// idempotent says whether repeating the method does no harm.
func idempotent(method string) bool {
	for _, prefix := range []string{"edit", "answer", "delete", "get", "set"} {
		if strings.HasPrefix(method, prefix) {
			return true
		}
	}
	return false
}

// lost is the kind of an exchange that began and whose outcome nobody told us.
func lost(method string) Kind {
	if idempotent(method) {
		return Transient
	}
	return Unknown
}

// Known is the part of Telegram's text that is from its vocabulary; empty for words that
// are new to us, or repeat what they were sent.
func (e *Error) Known() string {
	text := strings.ToLower(e.Description)
	for _, row := range refusals() {
		for _, known := range row.texts {
			if strings.Contains(text, known) {
				return known
			}
		}
	}
	for _, known := range []string{"too many requests", "unauthorized", "not found", "conflict", "internal server error", "bad gateway", "answer is not from the bot api", "takes neither the user nor the password"} {
		if strings.Contains(text, known) {
			return known
		}
	}
	return ""
}
