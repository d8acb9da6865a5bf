package directory

import (
	"fmt"
	"slices"
	"strings"
)

// Scope is one thing that a key may do.
type Scope string

// The catalogue of scopes; the schema has the same.
const (
	DocumentsWrite Scope = "documents:write"
	DocumentsRead  Scope = "documents:read"
	DecisionsRead  Scope = "decisions:read"
	Consume        Scope = "consume"
	EventsRead     Scope = "events:read"
	WebhooksManage Scope = "webhooks:manage"
	DirectoryWrite Scope = "directory:write"
	NoticesWrite   Scope = "notices:write"
	Meetings       Scope = "meetings"
	Calls          Scope = "calls"
)

// Scopes lists the catalogue.
func Scopes() []Scope {
	return []Scope{
		DocumentsWrite, DocumentsRead, DecisionsRead, Consume,
		EventsRead, WebhooksManage, DirectoryWrite, NoticesWrite, Meetings, Calls,
	}
}

// ScopeNames lists the catalogue as texts, for help and messages.
func ScopeNames() []string { return names(Scopes()) }

// FormatScopes is what ParseScopes reads: the scopes separated by commas.
func FormatScopes(scopes []Scope) string { return strings.Join(names(scopes), ",") }

func names(scopes []Scope) []string {
	out := make([]string, len(scopes))
	for i, s := range scopes {
		out[i] = string(s)
	}
	return out
}

// ParseScopes reads scopes separated by commas; "all" is the whole catalogue.
func ParseScopes(text string) ([]Scope, error) {
	if strings.TrimSpace(text) == "all" {
		return Scopes(), nil
	}
	var scopes []Scope
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			scopes = append(scopes, Scope(part))
		}
	}
	if err := checkScopes(scopes); err != nil {
		return nil, err
	}
	return sortScopes(scopes), nil
}

func checkScopes(scopes []Scope) error {
	var unknown []string
	for _, s := range scopes {
		if !slices.Contains(Scopes(), s) {
			unknown = append(unknown, shown(string(s)))
		}
	}
	known := strings.Join(ScopeNames(), ", ")
	switch {
	case len(scopes) == 0:
		return fmt.Errorf("no scopes; known are %s: %w", known, ErrInvalid)
	case len(unknown) > 0:
		return fmt.Errorf("unknown scopes %s; known are %s: %w", strings.Join(unknown, ", "), known, ErrInvalid)
	default:
		return nil
	}
}

// sortScopes gives each scope once, in the order of the catalogue.
func sortScopes(scopes []Scope) []Scope {
	return slices.DeleteFunc(Scopes(), func(s Scope) bool { return !slices.Contains(scopes, s) })
}
