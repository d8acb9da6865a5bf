// Package roster owns what the company's directory in Google Workspace means for ours: who
// is to be added, changed or deactivated, which roles a group gives, and when a reading
// is too strange to be acted upon. A Plan is made by a pure function; a Sync makes it of
// what is there, and carries it out. Its Rule of what is too much holds for a file, too.
//
// It leaves reading the company to package google, storing people to directory, what
// becomes of open cases to the ledger, and the time of a run to whoever wires it.
package roster

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"countersign/internal/google"
	"countersign/internal/people"
)

// Naming says what becomes the external id of somebody new, and proves who is who.
type Naming string

// The ways to name. The employee number is a proof by itself: it finds a person whatever
// his address is.
const (
	ByEmployee Naming = "employee" // an account without a number is not taken
	ByLocal    Naming = "local"    // what stands before the @ of the primary address
	ByEmail    Naming = "email"    // the primary address
)

// Config is what an operator decides. Managed roles are exactly those named in Groups;
// others are never touched.
type Config struct {
	Groups    map[string][]string // address of a group -> the roles of its members, such as "treasurer@LLC-A"
	Naming    Naming
	Domains   []string // of the addresses that the sync has a say about
	OnlyKnown bool     // nobody is added
	Limit     int      // percent of the people known to the sync who may leave in one run, and of a role's holders who may lose it; 10 when zero
}

const (
	ownLimit = 10 // percent
	fewLeave = 3  // may leave, or lose a role, in one run, whatever the percentage
	whole    = 100
)

// Check says everything that is wrong with the fields.
func (c Config) Check() error {
	var wrong []error
	must := func(fine bool, format string, args ...any) {
		if !fine {
			wrong = append(wrong, fmt.Errorf("workspace sync: "+format, args...))
		}
	}
	for _, group := range slices.Sorted(maps.Keys(c.Groups)) {
		must(group == strings.ToLower(group) && strings.Contains(group, "@"), "group %q is not an address in small letters", group)
		must(len(c.Groups[group]) > 0, "group %s gives no role", group)
		for _, text := range c.Groups[group] {
			r := people.ParseRole(text)
			must(isRole(r.Name) && r.String() == text && !strings.Contains(text, "|"), "role %q of group %s is not of the form treasurer or treasurer@LLC-A", text, group)
		}
	}
	must(c.Naming == ByEmployee || c.Naming == ByLocal || c.Naming == ByEmail, "naming %q is none of employee, local, email", c.Naming)
	must(len(c.Domains) > 0, "there must be a domain")
	for _, d := range c.Domains {
		must(d != "" && d == strings.ToLower(d) && strings.Trim(d, "abcdefghijklmnopqrstuvwxyz0123456789.-") == "", "%q is not a domain in small letters", d)
	}
	must(c.Limit >= 0 && c.Limit <= whole, "the limit of %d %% is not between 0 and 100", c.Limit)
	return errors.Join(wrong...)
}

func isRole(name string) bool {
	const letters, longest = "abcdefghijklmnopqrstuvwxyz", 64
	return name != "" && len(name) <= longest && strings.Contains(letters, name[:1]) && strings.Trim(name, letters+"0123456789_") == ""
}

// Addresses lists the groups, for [google.Workspace].
func (c Config) Addresses() []string { return slices.Sorted(maps.Keys(c.Groups)) }

// managed are all roles that the sync gives and takes away.
func (c Config) managed() []people.Role {
	var out []people.Role
	for _, roles := range c.Groups {
		for _, text := range roles {
			out = append(out, people.ParseRole(text))
		}
	}
	return out
}

// given are the roles of an account by its groups.
func (c Config) given(roll google.Roll, id string) []people.Role {
	var out []people.Role
	for _, g := range roll.Groups {
		_, member := slices.BinarySearch(g.Members, id)
		if !member && !g.Everybody {
			continue
		}
		for _, text := range c.Groups[g.Address] {
			out = append(out, people.ParseRole(text))
		}
	}
	return out
}

// within tells whether one of the addresses is in a domain that the sync has a say about.
func (c Config) within(addresses ...string) bool {
	return slices.ContainsFunc(addresses, func(address string) bool {
		return slices.Contains(c.Domains, address[strings.LastIndexByte(address, '@')+1:])
	})
}

// name is the external id of somebody new; empty when there is none.
func (c Config) name(a google.Account) string {
	switch c.Naming {
	case ByEmployee:
		return a.Employee
	case ByLocal:
		local, _, _ := strings.Cut(a.Email, "@")
		return local
	case ByEmail:
		return a.Email
	default:
		return ""
	}
}
