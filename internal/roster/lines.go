package roster

import (
	"fmt"
	"strings"

	"countersign/internal/directory"
)

// String is the plan as an operator reads it, a line for each person.
func (p Plan) String() string { return strings.Join(p.Lines(), "\n") }

// Lines gives a line for each person, and the sum as the last one.
func (p Plan) Lines() []string {
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	for _, c := range p.Diff.Added {
		say("+ %s: %s", shown(c.ExternalID), fields(c))
	}
	for _, c := range p.Diff.Changed {
		say("~ %s: %s", shown(c.ExternalID), fields(c))
	}
	for _, r := range p.Reactivate {
		say("^ %s: reactivated, was %s", r.title(), r.Reason)
	}
	for _, d := range p.Deactivate {
		named := ""
		if len(d.Named) > 0 {
			named = "; still named in " + strings.Join(d.Named, ", ")
		}
		say("- %s: deactivated, %s%s", d.title(), d.Reason, named)
	}
	for _, h := range p.Held {
		link := "no Telegram account is linked"
		if h.Linked {
			link = "the Telegram account is unlinked"
		}
		say("! %s: %s; held back as the last one for %s until there is a successor; %s", h.title(), h.Reason, strings.Join(h.Routes, ", "), link)
	}
	for _, l := range p.Lost {
		say("- %s", l)
	}
	for _, c := range p.Conflicts {
		say("? %s: left alone: %s", shown(c.Account), c.Text)
	}
	for _, s := range p.Strangers {
		say(". %s: left alone: has an address of the company and no account, and none is known that was deleted", s.title())
	}
	say("%d added, %d changed, %d reactivated, %d deactivated, %d held back, %d conflicts, %d strangers; %d active people known to the sync",
		len(p.Diff.Added), len(p.Diff.Changed), len(p.Reactivate), len(p.Deactivate), len(p.Held), len(p.Conflicts), len(p.Strangers), p.Of)
	return out
}

func (p Person) title() string { return fmt.Sprintf("%s (%s)", shown(p.ExternalID), p.Name) }

func fields(c directory.Change) string {
	parts := make([]string, len(c.Fields))
	for i, f := range c.Fields {
		parts[i] = fmt.Sprintf("%s %s -> %s", f.Field, shown(f.Old), shown(f.New))
		if c.Kind == directory.Added {
			parts[i] = f.Field + " " + shown(f.New)
		}
	}
	return strings.Join(parts, ", ")
}
