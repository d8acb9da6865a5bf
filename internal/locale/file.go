package locale

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"github.com/pelletier/go-toml/v2"
	"golang.org/x/text/language"
)

const extension = ".toml"

// countPlaceholder is filled by Lang.N.
const countPlaceholder = "Count"

// mark is what a text begins with in every language, since people and scripts
// recognize the two main buttons by it.
func mark(key string) string {
	switch key {
	case "button.accept":
		return "✅"
	case "button.reject":
		return "❌"
	}
	return ""
}

// readLanguage reads one file, of which the reference language's was read before, and checks
// it against the keys and placeholders that the product knows.
func readLanguage(directory fs.FS, name string, reference []*i18n.Message, known map[string][]string) (language.Tag, []*i18n.Message, error) {
	tag, err := language.Parse(strings.TrimSuffix(name, extension))
	if err != nil {
		return language.Und, nil, fmt.Errorf("%s is not named after a language: %w", name, ErrTexts)
	}
	messages := reference
	if name != fallback+extension {
		if messages, err = readFile(directory, name); err != nil {
			return language.Und, nil, err
		}
	}
	var faults []error
	for _, message := range messages {
		placeholders, ok := known[message.ID]
		if !ok {
			faults = append(faults, fmt.Errorf("%s: unknown key %q: %w", name, message.ID, ErrTexts))
			continue
		}
		if err := check(message, placeholders); err != nil {
			faults = append(faults, fmt.Errorf("%s: %s: %w", name, message.ID, err))
		}
	}
	return tag, messages, errors.Join(faults...)
}

func readFile(directory fs.FS, name string) ([]*i18n.Message, error) {
	data, err := fs.ReadFile(directory, name)
	if err != nil {
		return nil, fmt.Errorf("read texts: %w", err)
	}
	messages, err := i18n.ParseMessageBytes(data, toml.Unmarshal)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", name, ErrTexts, err)
	}
	slices.SortFunc(messages, func(a, b *i18n.Message) int { return strings.Compare(a.ID, b.ID) })
	return messages, nil
}

// check tells what is wrong with one text in the light of the placeholders that
// it may use.
func check(message *i18n.Message, placeholders []string) error {
	if strings.TrimSpace(message.Other) == "" {
		return fmt.Errorf("there is no text, or no form \"other\": %w", ErrTexts)
	}
	for _, text := range forms(message) {
		parsed, err := parse(text)
		if err != nil {
			return err
		}
		for _, name := range parsed.names() {
			if !slices.Contains(placeholders, name) {
				return fmt.Errorf("unknown placeholder {{.%s}}: %w", name, ErrTexts)
			}
		}
		if !strings.HasPrefix(text, mark(message.ID)) {
			return fmt.Errorf("must begin with %s: %w", mark(message.ID), ErrTexts)
		}
	}
	return nil
}

// placeholdersByKey lists what each text of the reference language may use.
func placeholdersByKey(messages []*i18n.Message) map[string][]string {
	known := make(map[string][]string, len(messages))
	for _, message := range messages {
		names := map[string]bool{}
		texts := forms(message)
		for _, text := range texts {
			parsed, err := parse(text)
			if err != nil {
				continue // found again, and reported, when the file is checked
			}
			for _, name := range parsed.names() {
				names[name] = true
			}
		}
		if len(texts) > 1 {
			names[countPlaceholder] = true
		}
		known[message.ID] = slices.Collect(maps.Keys(names))
	}
	return known
}

// forms returns the texts of a message that are there, one per plural form.
func forms(message *i18n.Message) []string {
	all := []string{message.Zero, message.One, message.Two, message.Few, message.Many, message.Other}
	return slices.DeleteFunc(all, func(text string) bool { return text == "" })
}
