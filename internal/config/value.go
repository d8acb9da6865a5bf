package config

import (
	"encoding"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// setText puts a word, as a variable or a secret's file has it, into its place.
func setText(v reflect.Value, text string) error {
	switch into := v.Addr().Interface().(type) {
	case *slog.Level:
		if into.UnmarshalText([]byte(text)) != nil {
			return fmt.Errorf("%q is no level of a log; write debug, info, warn or error", text)
		}
		return nil
	case encoding.TextUnmarshaler:
		return into.UnmarshalText([]byte(text))
	case *string:
		*into = text
		return nil
	case *time.Duration:
		return setDuration(into, text)
	case *int, *int64:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return fmt.Errorf("%q is not a whole number; write digits only", text)
		}
		v.SetInt(n)
		return nil
	case *[]string, *[]netip.Prefix:
		var items []any
		for item := range strings.SplitSeq(text, ",") {
			if item = strings.TrimSpace(item); item != "" {
				items = append(items, item)
			}
		}
		return setList(v, items)
	}
	return fmt.Errorf("a setting of type %s cannot be read", v.Type())
}

// setAny puts a value of the TOML file into its place; the file has types, and
// a wrong one is a mistake, not something to convert.
func setAny(v reflect.Value, value any) error {
	_, words := reflect.TypeAssert[encoding.TextUnmarshaler](v.Addr())
	switch value := value.(type) {
	case string:
		if words || v.Kind() == reflect.String || v.Type() == reflect.TypeFor[time.Duration]() {
			return setText(v, value)
		}
	case bool:
		if v.Type() == reflect.TypeFor[Verify]() {
			return setText(v, strconv.FormatBool(value))
		}
		if v.Kind() == reflect.Bool { // only in tables that have no variables
			v.SetBool(value)
			return nil
		}
	case int64:
		if !words && v.CanInt() && v.Type() != reflect.TypeFor[time.Duration]() {
			v.SetInt(value)
			return nil
		}
	case []any:
		if v.Kind() == reflect.Slice {
			return setList(v, value)
		}
	}
	return fmt.Errorf("%s stands where %s belongs", tomlName(value), wanted(v))
}

func setDuration(into *time.Duration, text string) error {
	d, err := time.ParseDuration(text)
	if err != nil {
		return fmt.Errorf("%q is not a duration; write a number with its unit, such as \"30s\" or \"5m\"", text)
	}
	*into = d
	return nil
}

func setList(v reflect.Value, items []any) error {
	var mistakes []error
	words := make([]string, 0, len(items))
	networks := make([]netip.Prefix, 0, len(items))
	_, ofNetworks := reflect.TypeAssert[[]netip.Prefix](v)
	for _, item := range items {
		text, ok := item.(string)
		if !ok {
			mistakes = append(mistakes, fmt.Errorf("%s stands in a list where a string belongs", tomlName(item)))
			continue
		}
		words = append(words, text)
		if ofNetworks {
			network, err := parseNetwork(text)
			mistakes = append(mistakes, err)
			networks = append(networks, network)
		}
	}
	if err := joined(mistakes); err != nil || len(items) == 0 {
		v.SetZero()
		return err
	}
	if ofNetworks {
		v.Set(reflect.ValueOf(networks))
	} else {
		v.Set(reflect.ValueOf(words))
	}
	return nil
}

// joined is several mistakes of one value on one line.
func joined(mistakes []error) error {
	var lines []string
	for _, err := range mistakes {
		if err != nil {
			lines = append(lines, err.Error())
		}
	}
	if lines == nil {
		return nil
	}
	return errors.New(strings.Join(lines, "; "))
}

// parseNetwork reads a network, or an address as the network of itself alone.
func parseNetwork(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	network, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is not a network; write it as 10.0.0.0/8, fd00::/8 or a single address", text)
	}
	if network != network.Masked() {
		return netip.Prefix{}, fmt.Errorf("%s has bits behind its mask; write %s", text, network.Masked())
	}
	return network, nil
}

func wanted(v reflect.Value) string {
	switch {
	case v.Type() == reflect.TypeFor[Verify]():
		return "true, false or the name of a file"
	case v.Type() == reflect.TypeFor[time.Duration]():
		return `a duration such as "30s"`
	case v.Kind() == reflect.Slice:
		return "a list of strings"
	case v.Kind() == reflect.Bool:
		return "true or false"
	case v.CanInt() && !v.Addr().Type().Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
		return "a whole number"
	}
	return "a string in quotes"
}

func tomlName(value any) string {
	switch value.(type) {
	case string:
		return "a string"
	case bool:
		return "true or false"
	case int64:
		return "a whole number"
	case float64:
		return "a number with a fraction"
	case []any:
		return "a list"
	case map[string]any:
		return "a table"
	}
	return "a date"
}
