package config

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"countersign/internal/secret"
)

// prefix begins every variable of ours.
const prefix = "COUNTERSIGN_"

// Key is one setting by its names.
type Key struct {
	Name   string // "telegram.token"
	Env    string // "COUNTERSIGN_TELEGRAM_TOKEN"; empty for what only a file can say
	Secret bool   // also read from the file that Env + "_FILE" names
}

// Keys lists every setting with a fixed name, in the order of [Config].
func Keys() []Key {
	cfg := Default()
	var keys []Key
	for _, f := range fieldsOf(&cfg) {
		keys = append(keys, f.Key)
	}
	return keys
}

// field is a setting and its place in a Config.
type field struct {
	Key
	value reflect.Value
}

// fieldsOf lists the places of all settings; a video server's are not among
// them, because a map gives no place to write to.
func fieldsOf(c *Config) []field {
	return walk(reflect.ValueOf(c).Elem(), "")
}

func walk(v reflect.Value, path string) []field {
	var all []field
	for i := range v.NumField() {
		name, ok := v.Type().Field(i).Tag.Lookup("toml")
		if !ok {
			continue
		}
		if path != "" {
			name = path + "." + name
		}
		switch member := v.Field(i); {
		case member.Kind() == reflect.Map:
			// The tables of a map are read from the file one by one.
		case member.Kind() == reflect.Struct:
			all = append(all, walk(member, name)...)
		default:
			all = append(all, field{Key{
				Name:   name,
				Env:    prefix + strings.ToUpper(strings.ReplaceAll(name, ".", "_")),
				Secret: member.Type() == reflect.TypeFor[secret.Text](),
			}, member})
		}
	}
	return all
}

// family is a table whose keys are names that the operator chooses. Its members have no
// variables, so a secret has a neighbor in the file that names a file.
type family struct {
	path string
	// names lists the members that there are.
	names func(c *Config) []string
	// member gives the places of one member, over its defaults when it is new, and what
	// keeps it.
	member func(c *Config, name string) (fields []field, keep func())
}

func families() []family {
	return []family{
		familyOf("login.services", func(c *Config) *map[string]LoginService { return &c.Login.Services }, func() LoginService { return LoginService{} }),
		familyOf("trueconf.servers", func(c *Config) *map[string]TrueConfServer { return &c.TrueConf.Servers }, DefaultTrueConfServer),
		familyOf("workspace.groups", func(c *Config) *map[string]WorkspaceGroup { return &c.Workspace.Groups }, func() WorkspaceGroup { return WorkspaceGroup{} }),
	}
}

func familyOf[T any](path string, of func(*Config) *map[string]T, fresh func() T) family {
	return family{
		path:  path,
		names: func(c *Config) []string { return slices.Sorted(maps.Keys(*of(c))) },
		member: func(c *Config, name string) ([]field, func()) {
			all := of(c)
			m, known := (*all)[name]
			if !known {
				m = fresh()
			}
			fields := walk(reflect.ValueOf(&m).Elem(), memberPath(path, name))
			for i := range fields {
				fields[i].Env = ""
			}
			return fields, func() {
				if *all == nil {
					*all = map[string]T{}
				}
				(*all)[name] = m
			}
		},
	}
}

func memberPath(family, name string) string { return family + "." + quoteKey(name) }

func serverPath(name string) string { return memberPath("trueconf.servers", name) }

func servicePath(name string) string { return memberPath("login.services", name) }
