package route

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"countersign/internal/people"
)

// CheckPeople finds steps for which nobody, or too few, could be asked with the
// people known today: a route that can come to this is not published. Looked at are
// the companies and cost centers that the rule names, or else every scope for which
// somebody holds a role of the step.
func (r Route) CheckPeople(dir people.Directory) error {
	var found []error
	for i, rule := range r.Rules {
		for _, s := range rule.Steps {
			for _, err := range s.checkPeople(rule.When, dir) {
				found = append(found, fmt.Errorf("rule %d (%s), step %s: %w", i+1, rule.Name, s.Key, err))
			}
		}
	}
	return errors.Join(found...)
}

func (s Step) checkPeople(when Condition, dir people.Directory) []error {
	var found []error
	for _, sel := range s.Who {
		if p, ok := dir.Find(sel.Person); sel.Person != "" && (!ok || !p.Active) {
			found = append(found, fmt.Errorf("who: person = %q: nobody active is known by this name alone", sel.Person))
		}
	}
	if slices.ContainsFunc(s.Who, func(sel Selector) bool { return sel.Field != "" }) {
		return found // whom a field names is known with the document only
	}
	few := func(where string, m int) {
		if need, ok := s.Need(m); !ok {
			found = append(found, fmt.Errorf("%s%d people can be asked, %d must accept; give more people its role", where, m, max(1, need)))
		}
	}
	fields := s.scopeFields()
	if len(fields) == 0 {
		few("", s.reach(dir, "", ""))
	}
	for _, field := range fields {
		scopes := s.scopes(field, when, dir)
		if len(scopes) == 0 {
			few("", s.reach(dir, "", ""))
		}
		for _, scope := range scopes {
			few(fmt.Sprintf("with %s %s ", field, scope), s.reach(dir, field, scope))
		}
	}
	return found
}

// scopeFields lists the fields of the document in which the step looks for scopes.
func (s Step) scopeFields() []string {
	seen := map[string]bool{}
	for _, sel := range s.Who {
		if sel.Of != "" {
			seen[sel.Of] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// scopes lists the values of a field for which the step is looked at.
func (s Step) scopes(field string, when Condition, dir people.Directory) []string {
	switch {
	case field == "company" && len(when.Companies) > 0:
		return when.Companies
	case field == "cost_center" && len(when.CostCenters) > 0:
		return when.CostCenters
	}
	seen := map[string]bool{}
	for _, sel := range s.Who {
		if sel.Of != field {
			continue
		}
		for _, p := range dir.WithRole(sel.Role) {
			for _, role := range p.Roles {
				if role.Name == sel.Role && role.Scope != "" {
					seen[role.Scope] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// reach counts the people whom the step can ask of documents whose field has this
// value. Roles that look at another field count whoever holds them.
func (s Step) reach(dir people.Directory, field, scope string) int {
	asked := map[people.ID]bool{}
	for _, sel := range s.Who {
		var holders []people.Person
		switch {
		case sel.Role == "":
		case sel.Of == "":
			holders = dir.InRole(sel.Role, "")
		case sel.Of == field:
			holders = dir.InRole(sel.Role, scope)
		default:
			holders = dir.WithRole(sel.Role)
		}
		for _, p := range holders {
			asked[p.ID] = true
		}
		if p, ok := dir.Find(sel.Person); ok && p.Active {
			asked[p.ID] = true
		}
	}
	return len(asked)
}
