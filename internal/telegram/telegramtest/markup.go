package telegramtest

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
)

// Button is a button under a message, as people see it.
type Button struct {
	Text   string
	Style  string
	Data   string
	URL    string
	WebApp string
	// Switch says that the button begins an inline query, with this text.
	Switch bool
	Query  string
}

// markup is the reply_markup of a call, checked.
type markup struct {
	rows          [][]Button
	raw           json.RawMessage // of the inline keyboard
	force, remove bool
	hint          string // placeholder of a forced reply or of a reply keyboard
	reply         [][]string
	contact       string // the button of a reply keyboard that shares a number
}

type wireButton struct {
	Text   *string    `json:"text"`
	Style  string     `json:"style"`
	URL    string     `json:"url"`
	Data   *string    `json:"callback_data"`
	WebApp *wireLink  `json:"web_app"`
	Any    *string    `json:"switch_inline_query"`
	Here   *string    `json:"switch_inline_query_current_chat"`
	Chosen *wireQuery `json:"switch_inline_query_chosen_chat"`
	Copy   *wireCopy  `json:"copy_text"`
	Login  *wireLink  `json:"login_url"`
	Pay    bool       `json:"pay"`
}

type wireLink struct {
	URL string `json:"url"`
}

type wireQuery struct {
	Query string `json:"query"`
}

type wireCopy struct {
	Text string `json:"text"`
}

// readEditMarkup is readMarkup for a message that is there already: it can only have an inline keyboard.
func readEditMarkup(text string, chatID int64) (markup, *refusal) {
	kind := Group
	if chatID > 0 {
		kind = Private
	}
	m, refused := readMarkup(text, kind)
	if refused == nil && (m.force || m.reply != nil || m.remove) {
		return markup{}, bad("inline keyboard expected")
	}
	return m, refused
}

// readMarkup checks a reply_markup as the server does.
func readMarkup(text, chatType string) (markup, *refusal) {
	if text == "" {
		return markup{}, nil
	}
	if len(text) > 10<<10 {
		return markup{}, bad("reply markup is too long")
	}
	if !strings.HasPrefix(strings.TrimSpace(text), "{") {
		return markup{}, bad("object expected as reply markup")
	}
	var w struct {
		Inline      *[][]wireButton  `json:"inline_keyboard"`
		Keyboard    *[][]replyButton `json:"keyboard"`
		Remove      bool             `json:"remove_keyboard"`
		Force       bool             `json:"force_reply"`
		Placeholder string           `json:"input_field_placeholder"`
	}
	if err := json.Unmarshal([]byte(text), &w); err != nil {
		return markup{}, bad("can't parse reply keyboard markup JSON object")
	}
	switch {
	case len16(w.Placeholder) > 64:
		return markup{}, bad("input field placeholder is too long")
	case w.Inline != nil:
		return readInlineKeyboard(*w.Inline, text, chatType)
	}
	m := markup{force: w.Force, hint: w.Placeholder, remove: w.Remove}
	if w.Keyboard == nil {
		return m, nil
	}
	return m.replies(*w.Keyboard, chatType)
}

// replies checks a keyboard in place of the person's own.
func (m markup) replies(rows [][]replyButton, chatType string) (markup, *refusal) {
	for _, row := range rows {
		var texts []string
		for _, b := range row {
			switch {
			case strings.TrimSpace(b.Text) == "":
				return markup{}, bad("keyboard button text must be non-empty")
			case b.Contact && chatType != Private:
				return markup{}, bad("phone number can be requested in private chats only")
			case b.Contact:
				m.contact = b.Text
			}
			texts = append(texts, b.Text)
		}
		m.reply = append(m.reply, texts)
	}
	return m, nil
}

type replyButton struct {
	Text    string `json:"text"`
	Contact bool   `json:"request_contact"`
}

// UnmarshalJSON accepts a plain string as well.
func (b *replyButton) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, &b.Text)
	}
	type plain replyButton
	return json.Unmarshal(data, (*plain)(b))
}

func readInlineKeyboard(rows [][]wireButton, text, chatType string) (markup, *refusal) {
	m, count := markup{}, 0
	for _, row := range rows {
		if count += len(row); count > 100 || len(row) > 8 {
			return markup{}, bad("reply markup is too long")
		}
		var buttons []Button
		for _, w := range row {
			b, refused := w.button(chatType)
			if refused != nil {
				return markup{}, refused
			}
			buttons = append(buttons, b)
		}
		if len(buttons) > 0 {
			m.rows = append(m.rows, buttons)
		}
	}
	if count > 0 {
		m.raw = json.RawMessage(text)
	}
	return m, nil
}

func (w wireButton) button(chatType string) (Button, *refusal) {
	if w.Text == nil || strings.TrimSpace(*w.Text) == "" {
		return Button{}, bad("can't parse inline keyboard button: Field \"text\" must be of type String")
	}
	if !slices.Contains([]string{"", "danger", "success", "primary"}, w.Style) {
		return Button{}, bad("invalid button style specified")
	}
	b := Button{Text: *w.Text, Style: w.Style, URL: w.URL}
	switch {
	case w.URL != "":
		if !linkAllowed(w.URL) {
			return Button{}, bad("BUTTON_URL_INVALID")
		}
	case w.Data != nil:
		if len(*w.Data) < 1 || len(*w.Data) > 64 {
			return Button{}, bad("BUTTON_DATA_INVALID")
		}
		b.Data = *w.Data
	case w.WebApp != nil:
		if chatType != Private {
			return Button{}, bad("BUTTON_TYPE_INVALID")
		}
		if u, err := url.Parse(w.WebApp.URL); err != nil || u.Scheme != "https" || u.Host == "" {
			return Button{}, bad("inline keyboard button Web App URL '" + w.WebApp.URL + "' is invalid: Only HTTPS links are allowed")
		}
		b.WebApp = w.WebApp.URL
	case w.Any != nil:
		b.Switch, b.Query = true, *w.Any
	case w.Here != nil:
		b.Switch, b.Query = true, *w.Here
	case w.Chosen != nil:
		b.Switch, b.Query = true, w.Chosen.Query
	case w.Copy != nil:
		if n := len16(w.Copy.Text); n < 1 || n > 256 {
			return Button{}, bad("BUTTON_COPY_TEXT_INVALID")
		}
	case w.Login != nil, w.Pay:
		return Button{}, bad("BUTTON_TYPE_INVALID")
	default:
		return Button{}, bad("Text buttons are unallowed in the inline keyboard")
	}
	return b, nil
}

// linkAllowed copies the rule that a host needs a dot in it: "localhost" is refused.
func linkAllowed(raw string) bool {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return false
	}
	switch u.Scheme {
	case "tg":
		return true
	case "http", "https":
		return strings.ContainsAny(u.Hostname(), ".:")
	default:
		return false
	}
}
