package config

import (
	"errors"
	"slices"
	"strings"
)

// Problem is one mistake in the settings.
type Problem struct {
	Key     string // "server.listen"; empty when the mistake is the whole file
	Origin  Origin // where the value came from
	Message string // what is wrong, and what to do
}

// String is the problem as a line for a person.
func (p Problem) String() string {
	var line strings.Builder
	line.WriteString(p.Key)
	if where := p.Origin.String(); where != "" && where != p.Key {
		if p.Key == "" {
			line.WriteString(where)
		} else {
			line.WriteString(" (" + where + ")")
		}
	}
	if line.Len() > 0 {
		line.WriteString(": ")
	}
	return line.String() + p.Message
}

// Errors is every mistake that was found.
type Errors []Problem

// Error is all problems, one a line.
func (e Errors) Error() string {
	lines := make([]string, 0, len(e)+1)
	lines = append(lines, "the configuration has mistakes:")
	for _, p := range e {
		lines = append(lines, "  "+p.String())
	}
	return strings.Join(lines, "\n")
}

// err is nil when there is nothing to report.
func (e Errors) err() error {
	if len(e) == 0 {
		return nil
	}
	return e
}

// join adds what an error tells, unless something is known about its key already.
func (e Errors) join(err error) Errors {
	if err == nil {
		return e
	}
	more, ok := errors.AsType[Errors](err)
	if !ok {
		return append(e, Problem{Message: err.Error()})
	}
	for _, p := range more {
		if p.Key == "" || !slices.ContainsFunc(e, func(q Problem) bool { return q.Key == p.Key }) {
			e = append(e, p)
		}
	}
	return e
}

// didYouMean proposes the name that is nearest to the wrong one, as the end of a message.
func didYouMean(wrong string, names []string) string {
	best, distance := "", 1+len(wrong)/3
	for _, name := range names {
		if d := editDistance(wrong, name); d < distance {
			best, distance = name, d
		}
	}
	if best == "" {
		return "; remove it"
	}
	return "; did you mean " + best + "?"
}

// editDistance counts the letters to add, drop or change between two words.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
