package route

import (
	"fmt"
	"slices"

	"countersign/internal/people"
)

// Sole lists, in words, where a person is the last one: the steps that could be decided
// with him and could not without. A scope for which nobody else holds a role counts, too.
func (r Route) Sole(dir people.Directory, id people.ID) []string {
	return r.Loses(dir, dir.Without(id))
}

// Loses lists, in words, the steps that could be decided with the people before and can not
// with those after.
func (r Route) Loses(before, after people.Directory) []string {
	var found []string
	for i, rule := range r.Rules {
		for _, s := range rule.Steps {
			for _, where := range s.loses(rule.When, before, after) {
				found = append(found, fmt.Sprintf("route %s, rule %d (%s), step %s%s", r.Key, i+1, rule.Name, s.Key, where))
			}
		}
	}
	return found
}

// Names lists the steps that name a person outright.
func (r Route) Names(dir people.Directory, id people.ID) []string {
	var found []string
	for i, rule := range r.Rules {
		for _, s := range rule.Steps {
			named := func(sel Selector) bool {
				p, ok := dir.Find(sel.Person)
				return sel.Person != "" && ok && p.ID == id
			}
			if slices.ContainsFunc(s.Who, named) {
				found = append(found, fmt.Sprintf("route %s, rule %d (%s), step %s", r.Key, i+1, rule.Name, s.Key))
			}
		}
	}
	return found
}

func (s Step) loses(when Condition, before, after people.Directory) []string {
	fewer := func(field, scope string) bool {
		had, has := s.reach(before, field, scope), s.reach(after, field, scope)
		if had == has {
			return false
		}
		_, could := s.Need(had)
		_, can := s.Need(has)
		return could && !can
	}
	fields := s.scopeFields()
	if len(fields) == 0 && fewer("", "") {
		return []string{""}
	}
	var found []string
	for _, field := range fields {
		for _, scope := range s.scopes(field, when, before) {
			if fewer(field, scope) {
				found = append(found, fmt.Sprintf(" (%s %s)", field, scope))
			}
		}
		if len(s.scopes(field, when, before)) == 0 && fewer(field, "") {
			found = append(found, "")
		}
	}
	return found
}
