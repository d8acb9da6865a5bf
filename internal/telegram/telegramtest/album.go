package telegramtest

// Limits of an album.
const (
	leastInAlbum = 2
	mostInAlbum  = 10
)

// medium is one message of an album as it is asked for.
type medium struct {
	Type      string `json:"type"`
	Media     string `json:"media"`
	Caption   string `json:"caption"`
	ParseMode string `json:"parse_mode"`
}

// sendMediaGroup sends several documents as one: all of them or, when one is refused, none.
func (s *Server) sendMediaGroup(c *call) (any, *refusal) {
	to, refused := s.writable(c.int("chat_id"))
	if refused != nil {
		return nil, refused
	}
	var list []medium
	there, refused := c.object("media", &list)
	switch {
	case refused != nil:
		return nil, refused
	case !there:
		return nil, bad("parameter \"media\" is required")
	case len(list) < leastInAlbum:
		return nil, bad("too few messages to send as an album")
	case len(list) > mostInAlbum:
		return nil, bad("too many messages to send as an album")
	case c.params["reply_markup"] != "":
		return nil, bad("an album takes no reply markup") // Telegram passes it over: whoever sends it is mistaken
	}
	thread, refused := to.thread(c.int("message_thread_id"))
	if refused != nil {
		return nil, refused
	}
	reply, refused := s.replyTarget(c, to)
	if refused != nil {
		return nil, refused
	}
	texts, documents, refused := s.media(c, list)
	if refused != nil {
		return nil, refused
	}
	if refused = s.limit(c, to); refused != nil {
		return nil, refused
	}
	s.last.album++
	out := make([]map[string]any, len(list))
	for i, d := range documents {
		m := s.place(c, to, d, thread, reply)
		m.Album = itoa(s.last.album)
		s.show(m, texts[i], markup{})
		s.record(Event{Kind: EventShown, ChatID: m.ChatID, MessageID: m.ID, Text: m.Text})
		out[i] = s.wireMessage(m)
	}
	return out, nil
}

// media reads what an album is made of: documents go only with documents.
func (s *Server) media(c *call, list []medium) (texts []content, documents []*Document, refused *refusal) {
	for _, one := range list {
		if one.Type != "document" {
			return nil, nil, bad("document can't be mixed with other media types")
		}
		if one.Media == "" {
			return nil, nil, bad("media not found")
		}
		text, refused := readContent(map[string]string{"caption": one.Caption, "parse_mode": one.ParseMode}, "caption", maxCaption)
		if refused != nil {
			return nil, nil, refused
		}
		d, refused := s.given(c, one.Media, one.Media)
		if refused != nil {
			return nil, nil, refused
		}
		texts, documents = append(texts, text), append(documents, d)
	}
	return texts, documents, nil
}
