package locale

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nicksnyder/go-i18n/v2/i18n/template"
)

const (
	opening = "{{."
	closing = "}}"
)

// engine reads the only kind of template that texts may be: words with
// placeholders. A text gets no language to program in.
type engine struct{}

// Cacheable says that a template can be parsed once.
func (engine) Cacheable() bool { return true }

// Parse reads a template; the delimiters are always ours.
func (engine) Parse(text, _, _ string) (template.ParsedTemplate, error) { //nolint:ireturn // the library asks for it
	return parse(text)
}

// phrase is a parsed text: literal, name, literal, name, ... literal.
type phrase []string

func parse(text string) (phrase, error) {
	var parsed phrase
	rest := text
	for {
		literal, after, found := strings.Cut(rest, opening)
		if strings.Contains(literal, "{{") || strings.Contains(literal, closing) {
			return nil, fmt.Errorf("braces in %.60q that are no placeholder like {{.Name}}: %w", text, ErrTexts)
		}
		parsed = append(parsed, literal)
		if !found {
			return parsed, nil
		}
		name, tail, closed := strings.Cut(after, closing)
		if !closed || !isName(name) {
			return nil, fmt.Errorf("braces in %.60q that are no placeholder like {{.Name}}: %w", text, ErrTexts)
		}
		parsed = append(parsed, name)
		rest = tail
	}
}

func isName(name string) bool {
	for _, r := range name {
		if (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') {
			return false
		}
	}
	return name != ""
}

// names returns the placeholders in the order of the text, each once.
func (p phrase) names() []string {
	var names []string
	for i := 1; i < len(p); i += 2 {
		if !slices.Contains(names, p[i]) {
			names = append(names, p[i])
		}
	}
	return names
}

// Execute fills the placeholders. One without a value stays visible. A sentence has one end:
// where a value such as "2 Std." or "Ivanov & Co." stands at it, its dot is the dot.
func (p phrase) Execute(data any) (string, error) {
	values, _ := data.(map[string]any)
	var b strings.Builder
	ended := false
	for i, part := range p {
		if i%2 == 0 {
			if ended {
				part = strings.TrimPrefix(part, ".")
			}
			b.WriteString(part)
			continue
		}
		text := opening + part + closing
		if value, ok := values[part]; ok {
			text = fmt.Sprint(value)
		}
		b.WriteString(text)
		ended = strings.HasSuffix(text, ".") || strings.HasSuffix(text, "…")
	}
	return b.String(), nil
}
