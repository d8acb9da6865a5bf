package telegramtest

import (
	"maps"
	"slices"
	"strings"
)

// aboutOf is the parameter that a method is about, and how long it may be.
func aboutOf(method string) (name string, most int) {
	if strings.HasSuffix(method, "ShortDescription") {
		return "short_description", 120
	}
	return "description", 512
}

func (s *Server) setAbout(c *call) (any, *refusal) {
	name, most := aboutOf(c.method)
	language := c.params["language_code"]
	switch {
	case language != "" && len(language) != 2:
		return nil, bad("LANG_CODE_INVALID")
	case len16(c.params[name]) > most:
		return nil, bad(strings.ToUpper(name) + "_TOO_LONG")
	}
	s.about[name+"/"+language] = c.params[name]
	s.touch()
	return true, nil
}

// getAbout gives the text of a language, and of all others where it has none of its own.
func (s *Server) getAbout(c *call) (any, *refusal) {
	name, _ := aboutOf(c.method)
	text := s.about[name+"/"+c.params["language_code"]]
	if text == "" {
		text = s.about[name+"/"]
	}
	return map[string]any{name: text}, nil
}

// About returns what the bot says of itself, by "description/language" and
// "short_description/language".
func (s *Server) About() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.about)
}

// getChat tells of a chat that the bot is in what ordinary members may do there.
func (s *Server) getChat(c *call) (any, *refusal) {
	chat := s.chats[c.int("chat_id")]
	switch {
	case chat == nil:
		return nil, bad("chat not found")
	case chat.MigratedTo != 0:
		return nil, &refusal{code: 400, text: "Bad Request: group chat was upgraded to a supergroup chat", migrateTo: chat.MigratedTo}
	case chat.Bot == statusKicked || chat.Bot == statusLeft:
		return nil, forbidden("bot is not a member of the " + chat.Type + " chat")
	}
	may := map[string]bool{}
	for _, what := range []string{"can_send_messages", "can_send_documents"} {
		may[what] = !slices.Contains(chat.Denied, what)
	}
	w := s.wireChat(chat.ID)
	w["permissions"] = may
	return w, nil
}
