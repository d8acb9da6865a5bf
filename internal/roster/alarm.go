package roster

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Alarm is what administrators are told of a run: the key of a text with its data, and the
// same for whoever is at the command line.
type Alarm struct {
	Key  string
	Data map[string]string
	Text string
}

// alarms are those of a plan that was refused.
func alarms(err error) []Alarm {
	var out []Alarm
	var many, nobody, roles, where []string
	each(err, func(err error) {
		tooMany, isMany := errors.AsType[*TooManyError](err)
		none, isNobody := errors.AsType[*NobodyError](err)
		switch {
		case isMany && tooMany.Role == "":
			out = append(out, Alarm{"workspace.many", map[string]string{
				"Would": strconv.Itoa(tooMany.Would), "Of": strconv.Itoa(tooMany.Of), "Limit": strconv.Itoa(tooMany.Limit),
			}, tooMany.Error()})
		case isMany:
			many, roles = append(many, tooMany.Error()), append(roles, fmt.Sprintf("%s (%d/%d)", tooMany.Role, tooMany.Would, tooMany.Of))
		case isNobody:
			nobody, where = append(nobody, none.Error()), append(where, none.Where...)
		case errors.Is(err, ErrEmpty):
			out = append(out, Alarm{"workspace.empty", nil, err.Error()})
		}
	})
	if len(roles) > 0 {
		out = append(out, Alarm{"workspace.many_roles", map[string]string{"Roles": strings.Join(roles, ", ")}, strings.Join(many, "\n")})
	}
	if len(where) > 0 {
		out = append(out, Alarm{"workspace.nobody", map[string]string{"Where": strings.Join(where, "\n")}, strings.Join(nobody, "\n")})
	}
	return out
}

// each visits the errors that were joined to one.
func each(err error, visit func(error)) {
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range all.Unwrap() {
			each(one, visit)
		}
		return
	}
	visit(err)
}

// heldBack tells of those who have left and are the last who can decide.
func heldBack(held []Person) Alarm {
	lines := []string{fmt.Sprintf("%d people left the company and are the last who can approve; name successors:", len(held))}
	var people []string
	for _, h := range held {
		people = append(people, h.title()+": "+strings.Join(h.Routes, ", "))
		lines = append(lines, fmt.Sprintf("%s, %s: %s", h.title(), h.Reason, strings.Join(h.Routes, ", ")))
	}
	return Alarm{"workspace.held", map[string]string{"People": strings.Join(people, "\n")}, strings.Join(lines, "\n")}
}
