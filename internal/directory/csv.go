package directory

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"countersign/internal/people"
)

const (
	maxFile = 16 << 20
	maxRows = 50_000
)

func csvColumns() []string {
	return []string{"external_id", "email", "name", "roles", "telegram_id", "locale"}
}

// ReadUsersCSV reads a file of users: UTF-8, a header with the columns external_id,
// email, name, roles, telegram_id and locale in any order, fields separated by commas or,
// as some spreadsheets do, by semicolons; roles separated by |, each "role" or
// "role@scope". All bad rows are told at once as a ProblemsError.
func ReadUsersCSV(r io.Reader) ([]User, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("users: %w", err)
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	switch {
	case len(text) > maxFile:
		return nil, fmt.Errorf("users: the file is larger than %d MiB: %w", maxFile>>20, ErrInvalid)
	case !utf8.Valid(text):
		return nil, fmt.Errorf("users: the file is not UTF-8 (line %d); save it as \"CSV UTF-8\": %w", firstBadLine(text), ErrInvalid)
	}
	f := csvFile{rows: csv.NewReader(bytes.NewReader(text))}
	f.rows.Comma = separator(text)
	f.rows.FieldsPerRecord = -1
	if err := f.header(); err != nil {
		return nil, fmt.Errorf("users: %w", err)
	}
	if err := f.all(); err != nil {
		return nil, err
	}
	return f.users, nil
}

func firstBadLine(text []byte) int {
	for i, line := range bytes.Split(text, []byte("\n")) {
		if !utf8.Valid(line) {
			return i + 1
		}
	}
	return 0
}

// separator looks at the header alone: its names contain neither.
func separator(text []byte) rune {
	header, _, _ := bytes.Cut(text, []byte("\n"))
	if bytes.IndexByte(header, ';') >= 0 && bytes.IndexByte(header, ',') < 0 {
		return ';'
	}
	return ','
}

type csvFile struct {
	rows   *csv.Reader
	column []string // the name of each field
	users  []User
	found  problems
}

// header reads the names of the columns and names all that are missing, unknown or there twice.
func (f *csvFile) header() error {
	record, err := f.rows.Read()
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("the file is empty; its first line is %s: %w", strings.Join(csvColumns(), ","), ErrInvalid)
	}
	if err != nil {
		return fmt.Errorf("header: %w: %w", ErrInvalid, err)
	}
	var faults []string
	for _, name := range record {
		name = strings.ToLower(strings.TrimSpace(name))
		switch {
		case !slices.Contains(csvColumns(), name):
			faults = append(faults, "unknown column "+shown(name))
		case slices.Contains(f.column, name):
			faults = append(faults, "column "+name+" occurs twice")
		}
		f.column = append(f.column, name)
	}
	for _, name := range csvColumns() {
		if !slices.Contains(f.column, name) {
			faults = append(faults, "missing column "+name)
		}
	}
	const enough = 20
	if len(faults) > enough {
		faults = append(faults[:enough], fmt.Sprintf("%d more", len(faults)-enough))
	}
	if len(faults) > 0 {
		return fmt.Errorf("header: %s: %w", strings.Join(faults, "; "), ErrInvalid)
	}
	return nil
}

func (f *csvFile) all() error {
	seen := map[string]User{}
	for {
		record, err := f.rows.Read()
		if errors.Is(err, io.EOF) {
			return f.found.err()
		}
		if bad, ok := errors.AsType[*csv.ParseError](err); ok {
			f.found.add(User{Line: bad.StartLine}, "", "broken quotes: "+bad.Err.Error())
			continue
		}
		if err != nil {
			return fmt.Errorf("users: %w", err)
		}
		if blank(record) {
			continue
		}
		line, _ := f.rows.FieldPos(0)
		if len(f.users) >= maxRows {
			return fmt.Errorf("users: line %d: more than %d rows: %w", line, maxRows, ErrInvalid)
		}
		u := f.row(record, line)
		if first, again := seen[u.ExternalID]; again && u.ExternalID != "" {
			f.found.add(u, "external_id", fmt.Sprintf("external_id %s occurs twice%s", shown(u.ExternalID), where(first)))
		} else {
			seen[u.ExternalID] = u
		}
		f.users = append(f.users, u)
	}
}

// blank is a row of nothing: spreadsheets write them below the table.
func blank(record []string) bool {
	return !slices.ContainsFunc(record, func(v string) bool { return strings.TrimSpace(v) != "" })
}

func (f *csvFile) row(record []string, line int) User {
	u := User{Line: line}
	if len(record) != len(f.column) {
		f.found.add(u, "", fmt.Sprintf("%d fields, the header has %d", len(record), len(f.column)))
		return u
	}
	cell := make(map[string]string, len(record))
	for i, name := range f.column {
		cell[name] = strings.TrimSpace(record[i])
	}
	u.ExternalID, u.Email, u.Name, u.Locale = cell["external_id"], cell["email"], cell["name"], cell["locale"]
	u = u.normal()
	u.Telegram = f.account(u, cell["telegram_id"])
	u.Roles = f.roles(u, cell["roles"])
	u = u.normal()
	u.check(&f.found)
	return u
}

func (f *csvFile) account(u User, text string) int64 {
	if text == "" {
		return 0
	}
	id, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil || strings.HasPrefix(text, "+"):
		f.found.add(u, "telegram_id", fmt.Sprintf("telegram_id %s is not a whole number; format the column as text", shown(text)))
		return 0
	case id == 0:
		f.found.add(u, "telegram_id", checkAccount(id))
	}
	return id
}

func (f *csvFile) roles(u User, text string) []people.Role {
	if text == "" {
		return nil
	}
	var roles []people.Role
	for part := range strings.SplitSeq(text, "|") {
		r := people.ParseRole(part)
		switch {
		case strings.TrimSpace(part) == "":
			f.found.add(u, "roles", "an empty role between |")
		case r.Scope == "" && strings.Contains(part, "@"): // would give the role everywhere
			f.found.add(u, "roles", fmt.Sprintf("role %s has nothing after @; write the scope or leave the @ out", shown(strings.TrimSpace(part))))
		default:
			roles = append(roles, r)
		}
	}
	return roles
}
