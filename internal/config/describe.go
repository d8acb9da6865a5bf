package config

import (
	"fmt"
	"net/url"
	"reflect"

	"countersign/internal/secret"
)

// Setting is one effective value, for people.
type Setting struct {
	Key
	Value  string // masked when it is a secret
	Origin Origin
}

// String is "log.level = INFO (environment COUNTERSIGN_LOG_LEVEL)".
func (s Setting) String() string {
	where := string(s.Origin.Kind)
	if s.Origin.Where != "" {
		where += " " + s.Origin.String()
	}
	return fmt.Sprintf("%s = %s (%s)", s.Name, s.Value, where)
}

// Describe lists every setting with its effective value and its origin. Secrets
// are masked; it is fit for a log, a page and a bundle for support.
func (c Config) Describe() []Setting {
	var all []Setting
	for _, f := range c.everyField() {
		all = append(all, Setting{Key: f.Key, Value: f.show(), Origin: c.origin(f.Name)})
	}
	return all
}

// Secrets lists the secrets that are set, and the passwords inside those that
// are addresses, so that a [secret.Handler] can know them.
func (c Config) Secrets() []secret.Text {
	var known []secret.Text
	for _, f := range c.everyField() {
		value := f.reveal()
		if !f.Secret || value == "" {
			continue
		}
		known = append(known, secret.Text(value))
		if u, err := url.Parse(value); err == nil && u.User != nil {
			if password, ok := u.User.Password(); ok {
				known = append(known, secret.Text(password))
			}
		}
	}
	return known
}

// MigrationURL is the database address with the rights to change the schema.
func (d Database) MigrationURL() secret.Text {
	if d.OwnerURL != "" {
		return d.OwnerURL
	}
	return d.URL
}

func (c Config) everyField() []field {
	all := fieldsOf(&c)
	for _, f := range families() {
		for _, name := range f.names(&c) {
			fields, _ := f.member(&c, name)
			all = append(all, fields...)
		}
	}
	return all
}

func (c Config) origin(key string) Origin {
	if origin, ok := c.origins[key]; ok {
		return origin
	}
	return Origin{Kind: FromDefault}
}

// show is what a place holds, for people. Of a secret address it leaves what
// helps to find a mistake: the host and the name of the user.
func (f field) show() string {
	if !f.Secret {
		return text(f.value)
	}
	u, err := url.Parse(f.reveal())
	if err != nil || u.Host == "" {
		return text(f.value)
	}
	user := ""
	if u.User != nil {
		user = url.User(u.User.Username()).String() + ":" + secret.Masked + "@"
	}
	return u.Scheme + "://" + user + u.Host + u.EscapedPath()
}

// reveal is what a place holds, secrets in the open.
func (f field) reveal() string {
	if hidden, ok := reflect.TypeAssert[secret.Text](f.value); ok {
		return hidden.Reveal()
	}
	return text(f.value)
}

// text is what a place holds; secrets are masked.
func text(v reflect.Value) string { return fmt.Sprint(v.Interface()) }
