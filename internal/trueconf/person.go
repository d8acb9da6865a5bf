package trueconf

import (
	"slices"
	"strings"
)

// leader is the role of whoever leads a conference.
const leader = 2

// person fills in what the id of a participant says.
func person(p Participant, owner string) Participant {
	p.Owner = p.Owner || owner != "" && same(p.ID, owner)
	p.Moderator = p.Moderator || p.Owner
	p.Guest = strings.HasPrefix(p.ID, "#guest")
	p.External = slices.ContainsFunc([]string{"#sip:", "#h323:", "#tel:", "#rtsp:", "#rtmp:"}, func(prefix string) bool {
		return strings.HasPrefix(strings.ToLower(p.ID), prefix)
	})
	return p
}

// same reports whether two ids are of one user: each may be short or with the server, and
// carry the place where he is signed in.
func same(a, b string) bool {
	short, server := parts(a)
	other, home := parts(b)
	return short != "" && short == other && (server == "" || home == "" || server == home)
}

func parts(id string) (user, server string) {
	id, _, _ = strings.Cut(strings.ToLower(id), "/")
	user, server, _ = strings.Cut(id, "@")
	return user, server
}
