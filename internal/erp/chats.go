package erp

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json/jsontext"

	"countersign/internal/directory"
	"countersign/internal/money"
	"countersign/internal/server"
)

// Notice is a type of document of which a chat is told: all of it, or what a rule lets
// through.
type Notice struct {
	Type string
	Rule *NoticeRule
}

// MarshalJSON writes a text or an object.
func (n Notice) MarshalJSON() ([]byte, error) {
	if n.Rule == nil {
		return json.Marshal(n.Type)
	}
	return json.Marshal(n.Rule)
}

// Schema describes both forms.
func (Notice) Schema(r huma.Registry) *huma.Schema {
	return &huma.Schema{OneOf: []*huma.Schema{
		{Type: "string", Pattern: "^[a-z][a-z0-9_]{0,63}$", Description: "All documents of the type"},
		r.Schema(reflect.TypeFor[NoticeRule](), true, "NoticeRule"),
	}}
}

// noticesOf says what a chat is told as it may be sent.
func noticesOf(c directory.Chat) []Notice {
	out := []Notice{}
	for _, name := range c.Notices {
		if !slices.ContainsFunc(c.Rules, func(r directory.Rule) bool { return r.Type == name }) {
			out = append(out, Notice{Type: name})
		}
	}
	for _, r := range c.Rules {
		rule := &NoticeRule{Type: r.Type, Companies: r.Companies}
		for _, b := range r.Amounts {
			rule.Amounts = append(rule.Amounts, Band{Currency: b.Currency, From: decimalOf(b.From, b.Currency), To: decimalOf(b.To, b.Currency)})
		}
		out = append(out, Notice{Type: r.Type, Rule: rule})
	}
	return out
}

func decimalOf(minor *int64, currency string) string {
	if minor == nil {
		return ""
	}
	return money.Amount{Minor: *minor, Currency: currency}.String()
}

// notices reads what a chat is to be told. A type is given whole or by rules, not both.
func (o *object) notices(c *directory.Chat) {
	whole, ruled := map[string]bool{}, map[string]bool{}
	o.list("notices", 100, func(path string, v jsontext.Value) {
		var name string
		switch v.Kind() {
		case '"':
			var code string
			r := word()
			if name, code = r.apply(unquote(v)); code == "" && name == "" {
				code = "missing_field"
			}
			if code != "" {
				o.in.found.add(path, code, r.hint(code))
				return
			}
			whole[name] = true
		case '{':
			inner, err := o.in.members(path, v)
			if err != nil {
				return // valid: it was read before
			}
			rule := inner.rule()
			inner.done()
			name, ruled[rule.Type] = rule.Type, true
			c.Rules = append(c.Rules, rule)
		default:
			o.in.found.add(path, "wrong_type", "")
			return
		}
		if whole[name] && ruled[name] {
			o.in.found.add(path, "conflict", name)
		}
		c.Notices = append(c.Notices, name)
	})
}

func (o *object) rule() directory.Rule {
	r := directory.Rule{Type: o.text("type", word().must()), Companies: o.texts("companies", 100, name(100))}
	o.objects("amounts", 50, func(o *object) {
		b := directory.Band{Currency: o.text("currency", name(3).must())}
		if _, known := money.Digits(b.Currency); !known && b.Currency != "" {
			o.fault("currency", "unknown_currency")
			b.Currency = ""
		}
		b.From, b.To = o.limit("from", b.Currency), o.limit("to", b.Currency)
		if b.From != nil && b.To != nil && *b.From > *b.To {
			o.refuse("to", "out_of_range", "from ≤ to")
		}
		r.Amounts = append(r.Amounts, b)
	})
	return r
}

// limit reads one end of a range; nil where there is none.
func (o *object) limit(field, currency string) *int64 {
	text, ok := o.decimal(field)
	if !ok || currency == "" {
		return nil
	}
	if text != "" && strings.Trim(text, "0.") == "" {
		return new(int64(0))
	}
	a, err := money.Parse(text, currency)
	if err != nil {
		o.fault(field, codeOf(err))
		return nil
	}
	return &a.Minor
}

// chatAnswer is a chat as it is stored.
func chatAnswer(c *call, stored directory.Chat) ChatAnswer {
	return ChatAnswer{
		ExternalID: stored.ExternalID, TelegramChatID: stored.TelegramID, ThreadID: stored.Thread, Title: stored.Title,
		Notices: noticesOf(stored), Hidden: stored.Hidden, Files: !stored.NoFiles, Protect: stored.Protect, Fallback: stored.Fallback,
		Kind: string(stored.Kind), Disabled: stored.Disabled, Fault: stored.Fault, RequestID: server.RequestID(c.ctx()),
	}
}

// wishes reads what of a document a chat gets, and what was left out.
func (o *object) wishes(chat *directory.Chat) (left []directory.ChatField) {
	o.notices(chat)
	if _, said := o.value("hidden"); said {
		chat.Hidden = o.texts("hidden", 30, name(40))
		for _, field := range chat.Hidden {
			if !slices.Contains(directory.Hideable(), field) {
				o.refuse("hidden", "invalid_field", strings.Join(directory.Hideable(), ", "))
			}
		}
	} else {
		left = append(left, directory.KeepHidden)
	}
	if files := o.choice("files"); files != nil {
		chat.NoFiles = !*files
	} else {
		left = append(left, directory.KeepFiles)
	}
	if protect := o.choice("protect"); protect != nil {
		chat.Protect = *protect
	} else {
		left = append(left, directory.KeepProtect)
	}
	return left
}

// chatError: what is left to be wrong after the fields were read is how the place fits.
func chatError(err error) error {
	if !errors.Is(err, directory.ErrInvalid) && !errors.Is(err, directory.ErrTaken) {
		return err
	}
	p := problemOf(err)
	p.faults.add("telegram_chat_id", p.code, "")
	return p
}
