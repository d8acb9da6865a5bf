package telegram

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits of an inline keyboard.
const (
	MaxData        = 64 // bytes of Button.Data
	maxButtons     = 100
	maxRow         = 8
	maxMarkupBytes = 10 << 10
)

// Style is the color of a button.
type Style string

// The colors that Telegram knows.
const (
	Plain   Style = ""
	Danger  Style = "danger"
	Success Style = "success"
	Primary Style = "primary"
)

// ErrKeyboard means that Telegram would refuse the keyboard.
var ErrKeyboard = errors.New("keyboard not allowed")

// Button is one button under a message: a text and exactly one of Data, URL, WebApp and Inline.
type Button struct {
	Text string
	// Data comes back when the button is tapped; 1 to 64 bytes.
	Data string
	// URL is opened.
	URL string
	// WebApp is the https address of a Mini App; private chats only.
	WebApp string
	// Inline begins an inline query.
	Inline *Inline
	Style  Style
}

// Inline is what a button writes into the message field after the name of the bot.
type Inline struct {
	Query string
	// Where is the chat in which it is written.
	Where Where
}

// Where names the chat in which an inline query begins.
type Where uint8

// The places of an inline query.
const (
	Here      Where = iota // the chat of the button
	Elsewhere              // a chat that the person picks
	Back                   // the chat that he came from by the button of an inline answer; else one that he picks
)

// Keyboard is an inline keyboard that Telegram will accept. The zero value is no keyboard.
type Keyboard struct {
	rows [][]Button
}

// NewKeyboard checks the rows as Telegram would and returns them as a keyboard. Empty rows are left out.
func NewKeyboard(rows ...[]Button) (Keyboard, error) {
	k, count := Keyboard{}, 0
	for i, row := range rows {
		if len(row) == 0 {
			continue
		}
		if len(row) > maxRow {
			return Keyboard{}, fmt.Errorf("row %d has %d buttons of %d: %w", i+1, len(row), maxRow, ErrKeyboard)
		}
		for j, b := range row {
			if err := b.check(); err != nil {
				return Keyboard{}, fmt.Errorf("button %d of row %d %q: %w", j+1, i+1, b.Text, err)
			}
		}
		count += len(row)
		k.rows = append(k.rows, slices.Clone(row))
	}
	if count > maxButtons {
		return Keyboard{}, fmt.Errorf("%d buttons of %d: %w", count, maxButtons, ErrKeyboard)
	}
	if data, err := json.Marshal(k); err != nil || len(data) > maxMarkupBytes {
		return Keyboard{}, fmt.Errorf("%d bytes of %d: %w", len(data), maxMarkupBytes, ErrKeyboard)
	}
	return k, nil
}

// IsZero says whether there are no buttons.
func (k Keyboard) IsZero() bool { return len(k.rows) == 0 }

// Rows returns a copy of the rows.
func (k Keyboard) Rows() [][]Button {
	rows := make([][]Button, len(k.rows))
	for i, row := range k.rows {
		rows[i] = slices.Clone(row)
	}
	return rows
}

// MarshalJSON encodes the keyboard as InlineKeyboardMarkup.
func (k Keyboard) MarshalJSON() ([]byte, error) {
	rows := make([][]wireButton, len(k.rows))
	for i, row := range k.rows {
		for _, b := range row {
			rows[i] = append(rows[i], b.wire())
		}
	}
	data, err := json.Marshal(struct {
		Rows [][]wireButton `json:"inline_keyboard"`
	}{rows})
	if err != nil {
		return nil, fmt.Errorf("encode keyboard: %w", err)
	}
	return data, nil
}

// markup is the keyboard as a parameter: an untyped nil when there is none, because a typed one would be
// sent as null and refused.
func (k Keyboard) markup() any {
	if k.IsZero() {
		return nil
	}
	return k
}

// wireButton is our own encoding: the library's adds an empty copy_text to every button and cannot send
// an empty inline query.
type wireButton struct {
	Text    string      `json:"text"`
	Style   Style       `json:"style,omitempty"`
	Data    string      `json:"callback_data,omitempty"`
	URL     string      `json:"url,omitempty"`
	WebApp  *wireWebApp `json:"web_app,omitempty"`
	Current *string     `json:"switch_inline_query_current_chat,omitempty"`
	Back    *string     `json:"switch_inline_query,omitempty"`
	Chosen  *wireChosen `json:"switch_inline_query_chosen_chat,omitempty"`
}

type wireWebApp struct {
	URL string `json:"url"`
}

type wireChosen struct {
	Query    string `json:"query"`
	Users    bool   `json:"allow_user_chats"`
	Groups   bool   `json:"allow_group_chats"`
	Channels bool   `json:"allow_channel_chats"`
}

func (b Button) wire() wireButton {
	w := wireButton{Text: b.Text, Style: b.Style, Data: b.Data, URL: b.URL}
	if b.WebApp != "" {
		w.WebApp = &wireWebApp{URL: b.WebApp}
	}
	switch {
	case b.Inline == nil:
	case b.Inline.Where == Here:
		w.Current = &b.Inline.Query
	case b.Inline.Where == Back:
		w.Back = &b.Inline.Query
	default:
		w.Chosen = &wireChosen{Query: b.Inline.Query, Users: true, Groups: true}
	}
	return w
}

func (b Button) check() error {
	actions := 0
	for _, has := range []bool{b.Data != "", b.URL != "", b.WebApp != "", b.Inline != nil} {
		if has {
			actions++
		}
	}
	switch {
	case strings.TrimSpace(b.Text) == "" || !utf8.ValidString(b.Text):
		return fmt.Errorf("has no readable text: %w", ErrKeyboard)
	case actions != 1:
		return fmt.Errorf("has %d actions instead of one: %w", actions, ErrKeyboard)
	case len(b.Data) > MaxData || !utf8.ValidString(b.Data):
		return fmt.Errorf("has %d bytes of data, at most %d of UTF-8 are allowed: %w", len(b.Data), MaxData, ErrKeyboard)
	case b.URL != "" && !linkAllowed(b.URL, "http", "https", "tg"):
		return fmt.Errorf("has an address that Telegram does not accept: %w", ErrKeyboard)
	case b.WebApp != "" && !linkAllowed(b.WebApp, "https"):
		return fmt.Errorf("has a Mini App that is not https: %w", ErrKeyboard)
	case !slices.Contains([]Style{Plain, Danger, Success, Primary}, b.Style):
		return fmt.Errorf("has the unknown style %q: %w", b.Style, ErrKeyboard)
	default:
		return nil
	}
}

// linkAllowed copies Telegram's rule: a known scheme, and a host with a dot in it ("localhost" is refused).
func linkAllowed(raw string, schemes ...string) bool {
	u, err := url.Parse(raw)
	if err != nil || !slices.Contains(schemes, u.Scheme) || u.Host == "" {
		return false
	}
	return u.Scheme == "tg" || strings.ContainsAny(u.Hostname(), ".:")
}
