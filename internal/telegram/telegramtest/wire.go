package telegramtest

import (
	"maps"
)

// wireMessage is a message as the Bot API writes it.
func (s *Server) wireMessage(m *Message) map[string]any {
	w := map[string]any{
		"message_id": m.ID, "date": m.Date.Unix(), "from": s.wireUser(m.From),
		"chat": s.wireChat(m.ChatID),
	}
	text, entities := "text", "entities"
	if m.Document != nil {
		text, entities = "caption", "caption_entities"
	}
	switch {
	case m.Document != nil && m.Photo: // with a smaller one before it
		f := s.files[m.Document.FileID]
		w["photo"] = []map[string]any{
			{"file_id": f.id + "s", "file_unique_id": f.unique + "s", "file_size": 10, "width": 90, "height": 60},
			{"file_id": f.id, "file_unique_id": f.unique, "file_size": m.Document.Size, "width": 900, "height": 600},
		}
	case m.Document != nil:
		f := s.files[m.Document.FileID]
		w["document"] = map[string]any{
			"file_id": m.Document.FileID, "file_unique_id": f.unique, "file_name": m.Document.Name,
			"mime_type": m.Document.MIME, "file_size": m.Document.Size,
		}
	}
	optional := map[string]any{}
	if m.Text != "" {
		optional[text] = m.Text
	}
	if len(m.Entities) > 0 {
		optional[entities] = m.Entities
	}
	if len(m.raw) > 0 {
		optional["reply_markup"] = m.raw
	}
	if m.ThreadID != 0 {
		optional["message_thread_id"], optional["is_topic_message"] = m.ThreadID, true
	}
	if m.Edits > 0 {
		optional["edit_date"] = m.EditedAt.Unix()
	}
	if m.Album != "" {
		optional["media_group_id"] = m.Album
	}
	if m.Protected {
		optional["has_protected_content"] = true
	}
	if r := s.find(m.ChatID, m.ReplyTo); r != nil {
		short := *r
		short.ReplyTo = 0 // a reply of a reply is not told
		optional["reply_to_message"] = s.wireMessage(&short)
	}
	maps.Copy(w, optional)
	return w
}

func (s *Server) wireUser(id int64) map[string]any {
	if id == s.botID {
		return map[string]any{"id": id, "is_bot": true, "first_name": "Countersign", "username": s.options.BotName}
	}
	u := s.users[id]
	if u == nil {
		return map[string]any{"id": id, "is_bot": false, "first_name": "Unknown"}
	}
	w := map[string]any{"id": id, "is_bot": u.Bot, "first_name": u.Name}
	if u.Username != "" {
		w["username"] = u.Username
	}
	if u.Lang != "" {
		w["language_code"] = u.Lang
	}
	return w
}

func (s *Server) wireChat(id int64) map[string]any {
	c := s.chats[id]
	switch {
	case c == nil:
		return map[string]any{"id": id, "type": Private}
	case c.Type == Private:
		w := map[string]any{"id": id, "type": Private}
		if u := s.users[id]; u != nil {
			w["first_name"] = u.Name
			if u.Username != "" {
				w["username"] = u.Username
			}
		}
		return w
	default:
		w := map[string]any{"id": id, "type": c.Type, "title": c.Title}
		if c.Forum {
			w["is_forum"] = true
		}
		return w
	}
}
