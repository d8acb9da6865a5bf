package config

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A Kind says what sort of place a value came from.
type Kind string

// The places, in the order in which a later one covers an earlier one.
const (
	FromDefault    Kind = "default"
	FromFile       Kind = "file"
	FromEnv        Kind = "environment"
	FromSecretFile Kind = "secret file"
)

// Origin is the place where a value came from.
type Origin struct {
	Kind  Kind
	Where string // the file or the variable
	Line  int    // of the file, when known
}

// String is "countersign.toml:12", "COUNTERSIGN_LOG_LEVEL" or nothing for a default.
func (o Origin) String() string {
	if o.Line > 0 {
		return o.Where + ":" + strconv.Itoa(o.Line)
	}
	return o.Where
}

// Load puts the settings together: the defaults, over them the file (none when
// path is empty), over that the variables and the files of secrets that they
// name. It checks each value, then asks the further checks, such as
// [Config.ValidateServe], and reports everything at once as [Errors]. The
// settings are returned in any case, as far as they could be read. The slash at
// the end of an address is dropped.
func Load(path string, environ []string, files func(name string) ([]byte, error), checks ...func(Config) error) (Config, error) {
	l := &loader{files: files, cfg: Default()}
	l.cfg.origins = map[string]Origin{}
	if path != "" {
		l.readTOML(path)
	}
	l.environ(environ)
	l.cfg.Server.PublicURL = strings.TrimSuffix(l.cfg.Server.PublicURL, "/")
	l.cfg.Telegram.APIURL = strings.TrimSuffix(l.cfg.Telegram.APIURL, "/")
	for _, check := range append([]func(Config) error{Config.Validate}, checks...) {
		l.problems = l.problems.join(check(l.cfg))
	}
	return l.cfg, l.problems.err()
}

type loader struct {
	files    func(name string) ([]byte, error)
	cfg      Config
	path     string         // of the TOML file
	lines    map[string]int // of its keys
	problems Errors
}

func (l *loader) report(key string, origin Origin, message string) {
	l.problems = append(l.problems, Problem{Key: key, Origin: origin, Message: message})
}

// put sets one value and remembers where it came from, or reports why it cannot.
func (l *loader) put(f field, origin Origin, set func(reflect.Value) error) {
	if err := set(f.value); err != nil {
		message := err.Error()
		if f.Secret {
			message = "the secret is not a string in quotes" // the message may quote it
		}
		l.report(f.Name, origin, message)
		return
	}
	l.cfg.origins[f.Name] = origin
}

// environ lays the variables over what is set so far. An empty variable counts
// as not set: files for containers pass empty ones on.
func (l *loader) environ(environ []string) {
	vars := map[string]string{}
	for _, pair := range environ {
		if name, value, _ := strings.Cut(pair, "="); strings.HasPrefix(name, prefix) {
			vars[name] = value
		}
	}
	known := []string{prefix + "CONFIG"} // names the file, and is read by the command
	for _, f := range fieldsOf(&l.cfg) {
		known = append(known, f.Env)
		value, file := vars[f.Env], ""
		if f.Secret {
			known = append(known, f.Env+"_FILE")
			file = vars[f.Env+"_FILE"]
		}
		origin := Origin{Kind: FromEnv, Where: f.Env}
		switch {
		case value != "" && file != "":
			l.report(f.Name, origin, fmt.Sprintf("%s and %s_FILE are both set; keep one", f.Env, f.Env))
		case value != "":
			l.put(f, origin, func(v reflect.Value) error { return setText(v, value) })
		case file != "":
			l.secretFile(f, Origin{Kind: FromEnv, Where: f.Env + "_FILE"}, file)
		}
	}
	l.strangers(vars, known)
}

// strangers reports variables of ours that mean nothing.
func (l *loader) strangers(vars map[string]string, known []string) {
	var unknown []string
	for name, value := range vars {
		if !slices.Contains(known, name) && !fromKubernetes(name, value) {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	for _, name := range unknown {
		message := "unknown variable" + didYouMean(name, known)
		if base, ok := strings.CutSuffix(name, "_FILE"); ok && slices.Contains(known, base) {
			message = "only secrets are read from a file; use " + base
		}
		if strings.HasPrefix(name, prefix+"TRUECONF_") {
			message = "video servers are set in the configuration file only; see [trueconf.servers]"
		}
		l.report("", Origin{Kind: FromEnv, Where: name}, message)
	}
}

// fromKubernetes recognizes the variables that Kubernetes gives every container
// beside a Service that is called countersign or countersign-something.
func fromKubernetes(name, value string) bool {
	const links = `^COUNTERSIGN_([A-Z0-9_]+_)?(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$`
	if regexp.MustCompile(links).MatchString(name) {
		return true
	}
	return strings.HasSuffix(name, "_PORT") && regexp.MustCompile(`^(tcp|udp|sctp)://`).MatchString(value)
}
