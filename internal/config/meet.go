package config

import (
	"fmt"
	"slices"
	"time"
)

// Meet is the video meetings that a guest enters by a link; they are off without a server.
type Meet struct {
	Server  string        `toml:"server"`   // one of [trueconf.servers]
	Owner   string        `toml:"owner"`    // the user there who owns conferences whose host it does not know
	UserIDs string        `toml:"user_ids"` // how a person is called there: mail_name, mail, external_id
	Idle    time.Duration `toml:"idle"`     // a conference of which nothing is heard is ended after it
	Longest time.Duration `toml:"longest"`  // of one conference
	Life    time.Duration `toml:"life"`     // of a link
}

func (c Config) meetRules() []rule {
	m := c.Meet
	const day = 24 * time.Hour
	return []rule{
		{!slices.Contains([]string{"mail_name", "mail", "external_id"}, m.UserIDs), "meet.user_ids", `must be "mail_name", "mail" or "external_id"`},
		outside("meet.idle", m.Idle, time.Minute, day),
		outside("meet.longest", m.Longest, time.Minute, day),
		outside("meet.life", m.Life, time.Minute, 31*day),
	}
}

// meetServeRules are what meetings need once they are to be held.
func (c Config) meetServeRules() []rule {
	on := c.Meet.Server
	_, known := c.TrueConf.Servers[on]
	return []rule{
		{on != "" && !known, "meet.server", fmt.Sprintf(`names %q, and there is no [trueconf.servers.%q]; write the name of one of them`, on, on)},
		{
			on != "" && c.Server.PublicURL == "", "server.public_url",
			"is not set, and the links of video meetings must lead somewhere; set the address under which browsers reach this server",
		},
	}
}
