package pagestest

import (
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Words are what a person reads of the page, in its order and without its marks: a line for
// each piece of text, one for each row of a table, and what the page's code may say.
func (p Page) Words() string {
	_, body, _ := strings.Cut(p.Body, "</head>")
	body = regexp.MustCompile(`(?s)<(script|style|svg)\b.*?</(script|style|svg)>`).ReplaceAllString(body, "")
	body = regexp.MustCompile(`</t[dh]>\s*<t[dh]\b[^>]*>`).ReplaceAllString(body, " | ")
	body = regexp.MustCompile(`</?bdi>`).ReplaceAllString(body, "")
	body = regexp.MustCompile(`<br>(<small>)?|</small>`).ReplaceAllString(body, " ")
	body = html.UnescapeString(regexp.MustCompile(`<[^>]+>`).ReplaceAllStringFunc(body, hinted))
	var lines []string
	for line := range strings.SplitSeq(body, "\n") {
		if line = strings.Join(strings.Fields(line), " "); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

// hinted is what a tag itself says: in the place of what is not typed yet, or by the page's code.
func hinted(tag string) string {
	var out strings.Builder
	out.WriteString("\n")
	for _, m := range regexp.MustCompile(`\s(placeholder|data-none|data-failed|data-known|data-words)="([^"]*)"`).FindAllStringSubmatch(tag, -1) {
		said := map[string]string{}
		if json.Unmarshal([]byte(html.UnescapeString(m[2])), &said) != nil {
			fmt.Fprintf(&out, "(%s: %s)\n", strings.TrimPrefix(m[1], "data-"), m[2])
			continue
		}
		for _, key := range slices.Sorted(maps.Keys(said)) {
			fmt.Fprintf(&out, "(%s: %s)\n", key, html.EscapeString(said[key]))
		}
	}
	return out.String()
}
