package secret

import (
	"cmp"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// shortest is the length below which a known value is not searched for: it
// would be found in innocent words and numbers.
const shortest = 6

// Masker replaces secrets in text: the known values in each form in which they
// travel, and whatever looks like a secret.
type Masker struct {
	known *strings.Replacer
	rules []rule
}

// A rule masks one form; it is tried only on text that holds its hint, because
// most log lines hold none.
type rule struct {
	hint    string
	pattern *regexp.Regexp
	with    string
}

// NewMasker knows the given values besides the patterns that it always knows.
func NewMasker(known ...Text) *Masker {
	var forms []string
	for _, k := range known {
		forms = append(forms, spellings(k.Reveal())...)
	}
	// The longest first: a secret that begins with another one must go whole.
	slices.SortFunc(forms, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b))
	})
	var pairs []string
	for _, form := range slices.Compact(forms) {
		pairs = append(pairs, form, Masked)
	}
	return &Masker{known: strings.NewReplacer(pairs...), rules: rules()}
}

// spellings lists how one value looks in plain text, in a URL, in JSON and
// quoted, and how the last two look inside another quotation.
func spellings(value string) []string {
	value = strings.TrimSpace(value)
	if len(value) < shortest {
		return nil
	}
	forms := []string{value, url.QueryEscape(value), url.PathEscape(value), url.UserPassword("", value).String()[1:]}
	inner := []string{value}
	for range 2 {
		var outer []string
		for _, text := range inner {
			quoted := strconv.Quote(text)
			outer = append(outer, quoted[1:len(quoted)-1])
			if encoded, err := json.Marshal(text); err == nil {
				outer = append(outer, string(encoded[1:len(encoded)-1]))
			}
		}
		forms, inner = append(forms, outer...), outer
	}
	return forms
}

func rules() []rule {
	const (
		words = `(?:token|secret|password|passwd|pwd|api_?key|private_?key|authorization|cookie|code_verifier)`
		key   = `[a-z0-9_-]*` + words
	)
	table := []struct{ hint, pattern, with string }{
		// The Bot API carries its token in the path, and net/url prints the path in every error.
		{"bot", `(?i)(/bot)\d+(?::|%3a)[^/\s"'?#\\]+`, `${1}` + Masked},
		{":", `\b\d{6,}:[A-Za-z0-9_-]{30,}`, Masked},
		{"%3a", `(?i)\b\d{6,}%3a[a-z0-9_-]{30,}`, Masked},
		{"whsec_", `whsec_[A-Za-z0-9+/=_-]+`, Masked},
		{"bearer", `(?i)\b(bearer)\s+[a-z0-9._~+/=-]{3,}`, `${1} ` + Masked},
		{"basic", `(?i)\b(basic)\s+[a-z0-9+/_-]{6,}=*`, `${1} ` + Masked},
		// A database password may hold any sign, so everything up to the last @ of the word goes.
		{"postgres", `(?i)\b(postgres(?:ql)?://[^\s:/?#@"']*):[^\s"']*@`, `${1}:` + Masked + `@`},
		{"://", `(?i)\b([a-z][a-z0-9+.-]*://[^\s:/?#@"']*):[^\s"'/?#@]+@`, `${1}:` + Masked + `@`},
		// A value that is masked already stays as it is: a mask has no bracket inside its own brackets.
		{"=", `(?i)\b(` + key + `)=('[^']*'|"[^"]*"|[^\s&;,"'\[][^\s&;,"']*)`, `${1}=` + Masked},
		{"=", `(?i)([?&](?:code|state|nonce))=[^\s&"'\[][^\s&"']*`, `${1}=` + Masked},
		{":", `(?i)(\\*"` + key + `\\*"\s*:\s*\\*")[^"\\]*`, `${1}` + Masked},
		{"-----begin", `(?is)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)`, Masked},
	}
	compiled := make([]rule, 0, len(table))
	for _, row := range table {
		compiled = append(compiled, rule{row.hint, regexp.MustCompile(row.pattern), row.with})
	}
	return compiled
}

// Mask returns the text without its secrets.
func (m *Masker) Mask(text string) string {
	text = m.known.Replace(text)
	lower := strings.ToLower(text)
	for _, r := range m.rules {
		if strings.Contains(lower, r.hint) {
			text = r.pattern.ReplaceAllString(text, r.with)
		}
	}
	return text
}
