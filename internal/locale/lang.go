package locale

import (
	"maps"
	"unicode"
	"unicode/utf8"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
	"golang.org/x/text/message"
	"golang.org/x/text/number"
)

// Lang speaks one language. It is a value and may be used by many goroutines.
// The zero value knows no words and shows keys.
type Lang struct {
	tag     string
	known   map[string]bool // keys; shared by all languages and never changed
	words   *i18n.Localizer
	numbers *message.Printer
	decimal string // the mark between the integer part and the fraction
	date    dateFormat
	short   dateFormat
}

func newLang(bundle *i18n.Bundle, tag language.Tag, known map[string]bool) Lang {
	latin, err := tag.SetTypeForKey("nu", "latn") // amounts are compared by eye across languages
	if err != nil {
		latin = tag
	}
	base, _ := tag.Base()
	numbers := message.NewPrinter(latin)
	half := []rune(numbers.Sprint(number.Decimal(0.5)))
	lang := Lang{
		tag:     tag.String(),
		known:   known,
		words:   i18n.NewLocalizer(bundle, tag.String()),
		numbers: numbers,
		decimal: string(half[1 : len(half)-1]),
	}
	lang.date, lang.short = dateFormats(base.String())
	return lang
}

// Tag returns the language, such as en or pt-BR.
func (l Lang) Tag() string { return l.tag }

// Name is what the language is called in itself: whoever looks for his own must be able to
// read it.
func (l Lang) Name() string {
	tag, err := language.Parse(l.tag)
	if err != nil {
		return l.tag
	}
	name := display.Self.Name(tag)
	if name == "" {
		return l.tag
	}
	first, size := utf8.DecodeRuneInString(name)
	return string(unicode.ToTitle(first)) + name[size:]
}

// T returns the text of a key with its placeholders filled from data. What is
// missing in this language is English; what is missing there too is the key
// itself, so that the gap is seen.
func (l Lang) T(key string, data map[string]any) string {
	return l.localize(&i18n.LocalizeConfig{MessageID: key, TemplateData: data})
}

// N returns the text of a key in the plural form for count, which also fills
// the placeholder {{.Count}}.
func (l Lang) N(key string, count int, data map[string]any) string {
	filled := make(map[string]any, len(data)+1)
	maps.Copy(filled, data)
	filled[countPlaceholder] = count
	if l.numbers != nil {
		filled[countPlaceholder] = l.numbers.Sprintf("%d", count)
	}
	return l.localize(&i18n.LocalizeConfig{MessageID: key, TemplateData: filled, PluralCount: count})
}

// Has reports whether there is a text for the key, be it in English only. Keys
// that are made from data, such as the name of a role, need asking.
func (l Lang) Has(key string) bool { return l.known[key] }

func (l Lang) localize(config *i18n.LocalizeConfig) string {
	if l.words == nil {
		return config.MessageID
	}
	config.TemplateParser = engine{}
	text, _ := l.words.Localize(config) // an error comes with the English text, or with none
	if text == "" {
		return config.MessageID
	}
	return text
}
