// Package locale owns the words that people read: the texts of every language,
// plural forms, and how amounts, dates and durations are written. The texts are
// TOML files, one per language. It leaves escaping and layout to those who draw,
// and the choice of a language to the doors.
//
// Texts are plain text: whoever puts one into HTML escapes it. A placeholder is
// written {{.Name}} and nothing else is evaluated.
package locale

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

// ErrTexts means that a file of texts cannot be used as it is.
var ErrTexts = errors.New("unusable texts")

const (
	// fallback is the language in which every key must exist.
	fallback = "en"
	// longestTag bounds what is looked at in a language tag from outside.
	longestTag = 35
	// longestHeader bounds what is looked at in an Accept-Language header.
	longestHeader = 200
)

// Texts holds the texts of all languages. It does not change after Load and may
// be used by many goroutines.
type Texts struct {
	langs map[string]Lang
}

// Load reads the texts of a directory with one NAME.toml per language. What a
// language does not translate is English there. All mistakes are reported at
// once: unknown keys, unknown placeholders, blank texts, buttons without their
// mark.
func Load(directory fs.FS) (*Texts, error) {
	texts, _, err := LoadWith(directory, nil)
	return texts, err
}

func newTexts(bundle *i18n.Bundle, tags []language.Tag, known map[string][]string) *Texts {
	keys := make(map[string]bool, len(known))
	for key := range known {
		keys[key] = true
	}
	texts := &Texts{langs: make(map[string]Lang, len(tags))}
	for _, tag := range tags {
		texts.langs[strings.ToLower(tag.String())] = newLang(bundle, tag, keys)
	}
	return texts
}

func loadDirectory(bundle *i18n.Bundle, directory fs.FS, reference []*i18n.Message, known map[string][]string) ([]language.Tag, error) {
	names, err := fs.Glob(directory, "*"+extension)
	if err != nil {
		return nil, fmt.Errorf("list texts: %w", err)
	}
	var faults []error
	var tags []language.Tag
	for _, name := range names {
		tag, messages, err := readLanguage(directory, name, reference, known)
		if err == nil {
			err = bundle.AddMessages(tag, messages...)
		}
		if err != nil {
			faults = append(faults, err)
			continue
		}
		tags = append(tags, tag)
	}
	return tags, errors.Join(faults...)
}

// For returns the language of a tag such as ru, pt-br or de_AT: itself, else
// its base, else English. Any text is a fine argument.
func (t *Texts) For(tag string) Lang {
	if lang, ok := t.find(tag); ok {
		return lang
	}
	return t.langs[fallback]
}

// Accept returns the best language for an Accept-Language header, English if
// there is none.
func (t *Texts) Accept(header string) Lang {
	if len(header) > longestHeader {
		return t.For(fallback)
	}
	wanted, _, err := language.ParseAcceptLanguage(header)
	if err != nil {
		return t.For(fallback)
	}
	for _, tag := range wanted {
		if lang, ok := t.find(tag.String()); ok {
			return lang
		}
	}
	return t.For(fallback)
}

// Languages returns the tags of all languages in alphabetical order.
func (t *Texts) Languages() []string {
	tags := make([]string, 0, len(t.langs))
	for _, lang := range t.langs {
		tags = append(tags, lang.Tag())
	}
	slices.Sort(tags)
	return tags
}

func (t *Texts) find(tag string) (Lang, bool) {
	if len(tag) > longestTag {
		return Lang{}, false
	}
	tag = strings.ReplaceAll(strings.ToLower(strings.TrimSpace(tag)), "_", "-")
	for {
		if lang, ok := t.langs[tag]; ok {
			return lang, true
		}
		cut := strings.LastIndexByte(tag, '-')
		if cut < 0 {
			return Lang{}, false
		}
		tag = tag[:cut]
	}
}
