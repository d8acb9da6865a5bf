package directory

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"countersign/internal/people"
)

// User is a person as an ERP or a file describes him.
type User struct {
	ExternalID string
	Email      string
	Name       string
	Roles      []people.Role
	Telegram   int64 // 0 says nothing of the link; an existing one stays
	Locale     string
	Workspace  string // id of the account in Google Workspace; empty says nothing of it
	Line       int    // of the file it came from; 0 elsewhere
}

// Problem is one thing that is wrong with one user.
type Problem struct {
	Line       int // of the file; 0 when there is none
	ExternalID string
	Field      string
	Text       string
}

// String is the problem as an operator reads it.
func (p Problem) String() string {
	var b strings.Builder
	if p.Line > 0 {
		fmt.Fprintf(&b, "line %d: ", p.Line)
	}
	if p.ExternalID != "" {
		fmt.Fprintf(&b, "%s: ", shown(p.ExternalID))
	}
	b.WriteString(p.Text)
	return b.String()
}

// ProblemsError lists everything that is wrong with a set of users; none was stored.
type ProblemsError struct{ Problems []Problem }

// Error gives one line for each problem.
func (e *ProblemsError) Error() string {
	lines := make([]string, 0, len(e.Problems)+1)
	lines = append(lines, fmt.Sprintf("%d problems, nothing was stored", len(e.Problems)))
	if len(e.Problems) == 1 {
		lines[0] = "1 problem, nothing was stored"
	}
	for _, p := range e.Problems {
		lines = append(lines, p.String())
	}
	return strings.Join(lines, "\n")
}

// Is makes the error an ErrInvalid.
func (e *ProblemsError) Is(target error) bool { return errors.Is(target, ErrInvalid) }

// problems collects; its methods note a problem only where there is one.
type problems []Problem

func (ps *problems) add(u User, field, text string) {
	if text != "" {
		*ps = append(*ps, Problem{Line: u.Line, ExternalID: u.ExternalID, Field: field, Text: text})
	}
}

func (ps *problems) err() error {
	if len(*ps) == 0 {
		return nil
	}
	slices.SortStableFunc(*ps, func(a, b Problem) int { return a.Line - b.Line })
	return &ProblemsError{Problems: *ps}
}

const maxRoles = 100

// normal gives the user in the form in which it is stored.
func (u User) normal() User {
	u.ExternalID = strings.TrimSpace(u.ExternalID)
	u.Email = strings.ToLower(strings.TrimSpace(u.Email))
	u.Name = strings.TrimSpace(u.Name)
	u.Locale = strings.TrimSpace(u.Locale)
	u.Roles = slices.Clone(u.Roles)
	slices.SortFunc(u.Roles, byNameAndScope)
	u.Roles = slices.Compact(u.Roles)
	return u
}

func byNameAndScope(a, b people.Role) int {
	if c := strings.Compare(a.Name, b.Name); c != 0 {
		return c
	}
	return strings.Compare(a.Scope, b.Scope)
}

// check notes everything that is wrong with a normalized user by itself, and gives the
// number of problems noted so far.
func (u User) check(ps *problems) int {
	ps.add(u, "external_id", plain("external_id", u.ExternalID, 1, 200))
	ps.add(u, "name", plain("name", u.Name, 1, 200))
	ps.add(u, "email", checkEmail(u.Email))
	ps.add(u, "locale", checkLocale(u.Locale))
	for _, r := range u.Roles {
		ps.add(u, "roles", checkRole(r))
	}
	if len(u.Roles) > maxRoles {
		ps.add(u, "roles", fmt.Sprintf("%d roles, at most %d fit", len(u.Roles), maxRoles))
	}
	if u.Telegram != 0 {
		ps.add(u, "telegram_id", checkAccount(u.Telegram))
	}
	if u.Workspace != "" && !isSubject(u.Workspace) {
		ps.add(u, "workspace_id", fmt.Sprintf("workspace_id %s is not 1 to 255 printable characters", shown(u.Workspace)))
	}
	return len(*ps)
}

func checkEmail(address string) string {
	if address == "" {
		return ""
	}
	local, domain, ok := strings.Cut(address, "@")
	ok = ok && len(address) <= 254 && local != "" && only(local, ".!#$%&'*+/=?^_`{|}~-")
	for label := range strings.SplitSeq(domain, ".") {
		ok = ok && label != "" && only(label, "-")
	}
	if !ok {
		return fmt.Sprintf("email %s is not an address such as name@example.com", shown(address))
	}
	return ""
}

func checkLocale(tag string) string {
	if tag == "" {
		return ""
	}
	language, rest, more := strings.Cut(tag, "-")
	ok := len(tag) <= 35 && (len(language) == 2 || len(language) == 3) && only(language, "") && !strings.ContainsAny(language, "0123456789")
	if more {
		for part := range strings.SplitSeq(rest, "-") {
			ok = ok && len(part) >= 2 && len(part) <= 8 && only(strings.ToLower(part), "") && isASCII(part)
		}
	}
	if !ok {
		return fmt.Sprintf("locale %s is not a language tag such as en or ru-RU", shown(tag))
	}
	return ""
}

func isASCII(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r > 0x7f }) < 0
}

func checkRole(r people.Role) string {
	if !word(r.Name, 64, "", "0123456789_") {
		return fmt.Sprintf("role %s is not a name such as treasurer: small Latin letters, digits and _, a letter first, at most 64", shown(r.Name))
	}
	if strings.Contains(r.Scope, "|") {
		return fmt.Sprintf("scope %s of role %s contains |, which separates roles", shown(r.Scope), r.Name)
	}
	return plain("scope of role "+r.Name, r.Scope, 0, 100)
}

// The accounts under which Telegram shows itself, anonymous administrators and channels:
// nobody's own.
const (
	accountTelegram  = 777000
	accountAnonymous = 1087968824
	accountChannel   = 136817688
	maxAccount       = 1 << 52
)

// ValidAccount reports whether the number can be the id of a person's Telegram account.
func ValidAccount(id int64) bool { return checkAccount(id) == "" }

func checkAccount(id int64) string {
	switch {
	case id < 1 || id > maxAccount:
		return fmt.Sprintf("telegram_id %d is not the id of a Telegram account", id)
	case id == accountTelegram, id == accountAnonymous, id == accountChannel:
		return fmt.Sprintf("telegram_id %d stands for Telegram itself, an anonymous administrator or a channel, not for a person", id)
	default:
		return ""
	}
}
