package videodesk

import (
	"slices"

	"countersign/internal/people"
)

// Right is what somebody may do with a server; each includes the lesser.
type Right int

// The rights.
const (
	None          Right = iota
	Viewer              // looks
	Operator            // stops, and puts alerts off
	Administrator       // sees who did what
)

// roles are those of the directory that give a right, from the least on. With the name of a
// server as its scope a role is for that server, without scope for all of them.
func roles() []string { return []string{"video_viewer", "video_operator", "video_administrator"} }

// RightOf is what a person may do with a server.
func RightOf(p people.Person, server string) Right {
	most := None
	for i, name := range roles() {
		if p.Holds(people.Role{Name: name}) || server != "" && p.Holds(people.Role{Name: name, Scope: server}) {
			most = Right(i + 1)
		}
	}
	return most
}

// visible are the servers that a person may look at.
func (d *Desk) visible(p people.Person) []Server {
	return slices.DeleteFunc(slices.Clone(d.Servers), func(s Server) bool { return RightOf(p, s.Name()) < Viewer })
}

// server finds one by its name.
func (d *Desk) server(name string) (Server, bool) {
	i := slices.IndexFunc(d.Servers, func(s Server) bool { return s.Name() == name })
	if i < 0 {
		return Server{}, false
	}
	return d.Servers[i], true
}
