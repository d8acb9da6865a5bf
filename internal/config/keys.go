package config

import (
	"reflect"
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

// serverFields lists the places of one video server's settings. They have no
// variables, so a secret has a neighbor in the file that names a file.
func serverFields(name string, s *TrueConfServer) []field {
	fields := walk(reflect.ValueOf(s).Elem(), serverPath(name))
	for i := range fields {
		fields[i].Env = ""
	}
	return fields
}

func serverPath(name string) string { return "trueconf.servers." + quoteKey(name) }
