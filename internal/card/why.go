package card

import (
	"strings"

	"countersign/internal/people"
)

// why tells the person what made him one of those asked.
func (p page) why() []line {
	s, _ := p.slot(p.spot)
	how, what, _ := strings.Cut(s.Because, ":")
	data := map[string]any{}
	switch how {
	case "role":
		r := people.ParseRole(what)
		name := p.roleName(r.Name)
		if r.Scope != "" {
			name += ", " + tidy(r.Scope, maxName)
		}
		data["Role"] = name
	case "field":
		data["Field"] = p.fieldName(what)
	default:
		how = "person"
	}
	return []line{words(p.t("card.why."+how, data))}
}

// roleName is what people call a role; one without a name of its own is told by its code.
func (p page) roleName(code string) string {
	if text, ok := p.known("role." + code); ok {
		return text
	}
	return tidy(strings.ReplaceAll(code, "_", " "), maxName)
}

// through names the delegations by which the person is asked: whose right it is, until when,
// and up to which amount.
func (p page) through() []line {
	s, _ := p.slot(p.spot)
	var out []line
	for _, id := range s.By {
		d, known := p.People.Delegation(id)
		if !known { // nobody remembers one for long after its end
			out = append(out, words(p.t("card.through_over", map[string]any{"Delegation": int64(id)})))
			continue
		}
		text := p.t("card.through", map[string]any{
			"Delegation": int64(id), "Deputy": p.name(d.Deputy), "Principal": p.name(d.Principal), "Until": p.lang.Until(d.Until, p.zone()),
		})
		if d.Scope.UpTo != nil {
			text += ", " + p.t("card.through_limit", map[string]any{"Limit": p.money(*d.Scope.UpTo)})
		}
		out = append(out, words(text))
	}
	return out
}
