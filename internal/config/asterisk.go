package config

import (
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"countersign/internal/secret"
)

// Asterisk is the telephone exchange; it is off without a mode.
type Asterisk struct {
	Mode           AsteriskMode      `toml:"mode"`
	Address        string            `toml:"address"` // of the manager interface, with or without a port
	User           string            `toml:"user"`
	Secret         secret.Text       `toml:"secret"`
	TLS            Switch            `toml:"tls"`
	CAFile         string            `toml:"ca_file"` // the authority to trust; empty: the system's
	Originate      AsteriskOriginate `toml:"originate"`
	Spool          string            `toml:"spool"`       // Asterisk's folder for call files
	SpoolOwner     string            `toml:"spool_owner"` // whom they are given to, as user or user:group; empty: nobody
	CallerID       string            `toml:"caller_id"`   // the number that phones show; empty: the exchange's own
	CallerIDs      []string          `toml:"caller_ids"`  // others that another system may have shown
	Prefixes       []string          `toml:"prefixes"`    // of the numbers that are called, or after a "!" are not; none: nobody is
	RingTimeout    time.Duration     `toml:"ring_timeout"`
	CallsPerPerson int               `toml:"calls_per_person"` // or per number, within a day
	CallsPerDay    int               `toml:"calls_per_day"`
	CallsAtOnce    int               `toml:"calls_at_once"`
	RoomsPerPerson int               `toml:"rooms_per_person"`
	LegacyAPI      Switch            `toml:"legacy_api"` // whether POST /api/conf is answered
}

func (c Config) asteriskRules() []rule {
	a := c.Asterisk
	ami := a.Mode == AsteriskAMI
	tls := a.TLS == SwitchOn
	address := isHost(a.Address) || isDial(a.Address)
	badCaller := func(n string) bool { return !matches(`^\+?[0-9]{1,20}$`, n) }
	badPrefix := func(p string) bool { return !matches(`^!?\+[1-9][0-9]{0,13}$`, p) }
	exception := func(p string) bool { return strings.HasPrefix(p, "!") }
	return []rule{
		{ami && !address, "asterisk.address", `is no address; write it as "127.0.0.1" or "pbx.example.com:5039"`},
		{ami && address && !tls && !onThisMachine(a.Address), "asterisk.address", `is on another machine, and without TLS the secret and all numbers could be read on the way; set asterisk.tls = "on", or reach it over loopback`},
		{ami && a.User == "", "asterisk.user", "is not set; take the name of a section of manager.conf"},
		{ami && a.Secret == "", "asterisk.secret", "is not set; take the secret of that section of manager.conf"},
		{a.CAFile != "" && !tls, "asterisk.ca_file", `is set although asterisk.tls is off; set asterisk.tls = "on", or leave it empty`},
		{a.Originate == OriginateSpool && !filepath.IsAbs(a.Spool), "asterisk.spool", `is no whole path; write Asterisk's folder, such as "/var/spool/asterisk/outgoing"`},
		{!matches(`^([A-Za-z0-9_][A-Za-z0-9_.-]{0,31}(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,31})?)?$`, a.SpoolOwner), "asterisk.spool_owner", `is no user; write "asterisk", "asterisk:asterisk" or "101:101", or leave it empty`},
		{!matches(`^(\+?[0-9]{1,20})?$`, a.CallerID), "asterisk.caller_id", `is no telephone number; write digits, after a + or not, or leave it empty`},
		{slices.ContainsFunc(a.CallerIDs, badCaller), "asterisk.caller_ids", `holds something that is no telephone number; write ["+4930123457", "1000"]`},
		{slices.ContainsFunc(a.Prefixes, badPrefix), "asterisk.prefixes", `holds something with which no number begins; write ["+49", "!+49900", "+7495"]`},
		{
			slices.ContainsFunc(a.Prefixes, exception) && !slices.ContainsFunc(a.Prefixes, func(p string) bool { return !exception(p) }),
			"asterisk.prefixes", `holds only exceptions, so that nobody would be called; write ["+49", "!+49900"]`,
		},
		outside("asterisk.ring_timeout", a.RingTimeout, time.Second, 5*time.Minute),
		outside("asterisk.calls_per_person", a.CallsPerPerson, 1, 1000),
		outside("asterisk.calls_per_day", a.CallsPerDay, 1, 100_000),
		{a.CallsPerPerson > a.CallsPerDay, "asterisk.calls_per_person", "is larger than asterisk.calls_per_day; make it at most as large"},
		outside("asterisk.calls_at_once", a.CallsAtOnce, 1, 1000),
		outside("asterisk.rooms_per_person", a.RoomsPerPerson, 1, 100),
		{a.LegacyAPI == SwitchOn && !ami, "asterisk.legacy_api", `is on although there is no exchange; set asterisk.mode = "ami"`},
	}
}

// asteriskServeRules are what calls need once they are to be made.
func (c Config) asteriskServeRules() []rule {
	on := c.Asterisk.Mode != AsteriskOff
	return []rule{{
		on && c.Database.URL != "" && c.Seal.KeyFile == "", "seal.key_file",
		fmt.Sprintf("is not set, and telephone numbers (asterisk.mode = %q) are kept sealed only; name a file that all replicas share", c.Asterisk.Mode),
	}}
}

// isHost reports whether a text is an address without a port.
func isHost(text string) bool { return net.ParseIP(text) != nil || matches(`^[A-Za-z0-9.-]+$`, text) }

// onThisMachine reports whether nobody else can listen on the way to an address.
func onThisMachine(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
