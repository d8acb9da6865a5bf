package pages

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the look
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"
)

//go:embed style.css
var style string

// Style is the style sheet of all pages, for inside <style>.
func Style() template.CSS { return template.CSS(style) } //nolint:gosec // it is our own file

// Private sets what holds for every answer that is for one person: nobody keeps it, no
// frame shows it, and its address is told to no other site. The own site may see where a
// form came from.
func Private(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Robots-Tag", "noindex")
	h.Set("X-Frame-Options", "DENY")
}

// Page is one answer in HTML.
type Page struct {
	Status   int
	Template *template.Template
	Data     any
	Lang     string
	// Leaves lists where the forms lead in the end, besides here: browsers hold a form to
	// where a redirect leads, too.
	Leaves []string
	Script string   // the one script that the page has inside itself; empty: none
	Styles []string // style sheets that the page has inside itself besides the common one
	Frame  string   // the one origin that the page may show in a frame; empty: none
	// Connects lets the script ask this host for more.
	Connects bool
	// Bare keeps the page's address from this host's other pages, too: it is a secret.
	Bare bool
}

// Write sends a page, whole or not at all.
func Write(w http.ResponseWriter, p Page) error {
	var text bytes.Buffer
	if err := p.Template.Execute(&text, p.Data); err != nil {
		http.Error(w, "", http.StatusInternalServerError)
		return fmt.Errorf("page: %w", err)
	}
	Private(w)
	h := w.Header()
	if p.Bare {
		h.Set("Referrer-Policy", "no-referrer")
	}
	h.Set("Content-Security-Policy", "default-src 'none'; style-src "+allowed(style)+p.more()+"; form-action "+strings.Join(append([]string{"'self'"}, p.Leaves...), " ")+"; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", p.Lang)
	w.WriteHeader(p.Status)
	_, _ = w.Write(text.Bytes()) // fails only when the caller is gone
	return nil
}

// more is what a page may do besides being looked at.
func (p Page) more() string {
	var out strings.Builder
	for _, s := range p.Styles {
		out.WriteString(" " + allowed(s))
	}
	if p.Script != "" {
		out.WriteString("; script-src " + allowed(p.Script))
	}
	if p.Connects {
		out.WriteString("; connect-src 'self'")
	}
	if p.Frame != "" {
		out.WriteString("; frame-src " + p.Frame)
	}
	return out.String()
}

// allowed is how a policy names one text.
func allowed(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// SameOrigin refuses forms that pages of others send. The public address counts as ours
// also where a proxy calls us by another name.
func SameOrigin(publicURL string, deny http.Handler) (*http.CrossOriginProtection, error) {
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(deny)
	if publicURL == "" {
		return guard, nil
	}
	return guard, guard.AddTrustedOrigin(Origin(publicURL))
}

// Origin is the scheme and host of an address; empty when it is none.
func Origin(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}
