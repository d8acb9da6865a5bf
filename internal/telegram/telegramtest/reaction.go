package telegramtest

import (
	"slices"
	"strings"
)

// reactions are the emojis that may be put under a message.
const reactions = "❤ 👍 👎 🔥 🥰 👏 😁 🤔 🤯 😱 🤬 😢 🎉 🤩 🤮 💩 🙏 👌 🕊 🤡 🥱 🥴 😍 🐳 ❤‍🔥 🌚 🌭 💯 🤣 ⚡ 🍌 🏆 💔 🤨 😐 🍓 🍾 💋 🖕 😈 😴 😭 🤓 👻 " +
	"👨‍💻 👀 🎃 🙈 😇 😨 🤝 ✍ 🤗 🫡 🎅 🎄 ☃ 💅 🤪 🗿 🆒 💘 🙉 🦄 😘 💊 🙊 😎 👾 🤷‍♂ 🤷 🤷‍♀ 😡"

// setReaction puts one emoji of the bot under a message, or takes it away. Other than an
// edit it counts towards no limit.
func (s *Server) setReaction(c *call) (any, *refusal) {
	chat, refused := s.writable(c.int("chat_id"))
	if refused != nil {
		return nil, refused
	}
	m := s.find(chat.ID, c.int("message_id"))
	if m == nil || m.Deleted {
		return nil, bad("message to react not found")
	}
	var given []struct {
		Type  string `json:"type"`
		Emoji string `json:"emoji"`
	}
	if _, refused := c.object("reaction", &given); refused != nil {
		return nil, refused
	}
	if len(given) > 1 {
		return nil, bad("REACTIONS_TOO_MANY")
	}
	var put []string
	for _, r := range given {
		if r.Type != "emoji" || !slices.Contains(strings.Fields(reactions), r.Emoji) {
			return nil, bad("REACTION_INVALID")
		}
		put = append(put, r.Emoji)
	}
	m.Reactions = put
	s.record(Event{Kind: EventReacted, ChatID: chat.ID, MessageID: m.ID, Text: strings.Join(put, "")})
	return true, nil
}
