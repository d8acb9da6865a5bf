package telegramtest

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Command is a line of the menu of commands.
type Command struct {
	Name        string `json:"command"`
	Description string `json:"description"`
}

// methodNames are the methods that this server has; others are "Not Found", as with an old server.
func methodNames() []string {
	return []string{
		"getMe", "setWebhook", "deleteWebhook", "getWebhookInfo", "getUpdates",
		"sendMessage", "sendDocument", "sendMediaGroup", "editMessageText", "editMessageCaption", "editMessageReplyMarkup", "deleteMessage",
		"answerCallbackQuery", "answerInlineQuery", "sendChatAction",
		"setMyCommands", "getMyCommands", "deleteMyCommands", "getFile", "getChatMember", "getChat",
		"setMessageReaction",
		"setMyDescription", "getMyDescription", "setMyShortDescription", "getMyShortDescription",
	}
}

func (s *Server) table() map[string]method {
	methods := map[string]method{
		"getMe": s.getMe, "setWebhook": s.setWebhook, "deleteWebhook": s.deleteWebhook, "getWebhookInfo": s.getWebhookInfo,
		"getUpdates": s.getUpdates, "sendMessage": s.sendMessage, "sendDocument": s.sendDocument, "sendMediaGroup": s.sendMediaGroup,
		"editMessageText": s.editMessage, "editMessageCaption": s.editMessage, "editMessageReplyMarkup": s.editMessage,
		"deleteMessage": s.deleteMessage, "answerCallbackQuery": s.answerCallback, "answerInlineQuery": s.answerInline,
		"sendChatAction": s.sendChatAction, "setMyCommands": s.setCommands, "getMyCommands": s.getCommands,
		"deleteMyCommands": s.setCommands, "getFile": s.getFile,
		"getChatMember": s.getChatMember, "getChat": s.getChat, "setMessageReaction": s.setReaction,
		"setMyDescription": s.setAbout, "getMyDescription": s.getAbout, "setMyShortDescription": s.setAbout, "getMyShortDescription": s.getAbout,
	}
	lower := map[string]method{}
	for name, m := range methods {
		lower[strings.ToLower(name)] = m
	}
	return lower
}

func (s *Server) getMe(*call) (any, *refusal) {
	me := s.wireUser(s.botID)
	me["can_join_groups"], me["can_read_all_group_messages"], me["supports_inline_queries"] = true, s.options.ReadsAll, true
	return me, nil
}

// getChatMember tells of accounts that the bot can know of; others are no users to it.
func (s *Server) getChatMember(c *call) (any, *refusal) {
	chat, user := s.chats[c.int("chat_id")], c.int("user_id")
	switch {
	case chat == nil:
		return nil, bad("chat not found")
	case chat.MigratedTo != 0:
		return nil, &refusal{code: 400, text: "Bad Request: group chat was upgraded to a supergroup chat", migrateTo: chat.MigratedTo}
	case chat.Bot == statusKicked || chat.Bot == statusLeft:
		return nil, forbidden("bot is not a member of the " + chat.Type + " chat")
	case user == s.botID:
		return s.wireMember(user, chat.Bot), nil
	case s.users[user] == nil:
		return nil, bad("PARTICIPANT_ID_INVALID")
	case slices.Contains(chat.Admins, user):
		return s.wireMember(user, "administrator"), nil
	case slices.Contains(chat.Members, user):
		return s.wireMember(user, statusMember), nil
	default:
		return s.wireMember(user, statusLeft), nil
	}
}

func (s *Server) sendChatAction(c *call) (any, *refusal) {
	chat, refused := s.writable(c.int("chat_id"))
	if refused != nil {
		return nil, refused
	}
	if _, refused := chat.thread(c.int("message_thread_id")); refused != nil {
		return nil, refused
	}
	if !slices.Contains([]string{"typing", "upload_document", "upload_photo"}, c.params["action"]) {
		return nil, bad("wrong parameter action in request")
	}
	return true, nil
}

func (s *Server) setCommands(c *call) (any, *refusal) {
	key, refused := commandKey(c)
	if refused != nil {
		return nil, refused
	}
	var commands []Command
	if c.method == "setMyCommands" {
		there, refused := c.object("commands", &commands)
		if refused != nil || !there {
			return nil, bad("can't parse commands JSON object")
		}
	}
	if len(commands) > 100 {
		return nil, bad("BOT_COMMANDS_TOO_MUCH")
	}
	for _, m := range commands {
		if !regexp.MustCompile(`^[a-z0-9_]{1,32}$`).MatchString(m.Name) {
			return nil, bad("BOT_COMMAND_INVALID")
		}
		if n := len16(m.Description); n < 1 || n > 256 {
			return nil, bad("BOT_COMMAND_DESCRIPTION_INVALID")
		}
	}
	s.commands[key] = commands
	s.touch()
	return true, nil
}

func (s *Server) getCommands(c *call) (any, *refusal) {
	key, refused := commandKey(c)
	if refused != nil {
		return nil, refused
	}
	return append([]Command{}, s.commands[key]...), nil
}

func commandKey(c *call) (string, *refusal) {
	var scope struct {
		Type string `json:"type"`
	}
	if _, refused := c.object("scope", &scope); refused != nil {
		return "", refused
	}
	known := []string{
		"", "default", "all_private_chats", "all_group_chats", "all_chat_administrators",
		"chat", "chat_administrators", "chat_member",
	}
	if !slices.Contains(known, scope.Type) {
		return "", bad("unsupported bot command scope type")
	}
	language := c.params["language_code"]
	if language != "" && len(language) != 2 {
		return "", bad("LANG_CODE_INVALID")
	}
	if scope.Type == "" {
		scope.Type = "default"
	}
	return scope.Type + "/" + language, nil
}

// Commands returns the menus set, by "scope/language".
func (s *Server) Commands() map[string][]Command {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.commands)
}

func (s *Server) wireMember(id int64, status string) map[string]any {
	w := map[string]any{"user": s.wireUser(id), "status": status}
	switch status {
	case statusRestricted:
		w["is_member"], w["can_send_messages"], w["can_send_documents"] = true, false, false
	case statusKicked:
		w["until_date"] = 0
	}
	return w
}

func rawJSON(v any) json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil {
		return json.RawMessage("null")
	}
	return data
}
