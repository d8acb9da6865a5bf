package config

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// readTOML lays the file over what is set so far.
func (l *loader) readTOML(path string) {
	text, err := l.files(path)
	if err != nil {
		l.report("", Origin{Kind: FromFile, Where: path}, fmt.Sprintf("cannot be read: %v; give the right name with --config", err))
		return
	}
	tree := map[string]any{}
	if err := toml.Unmarshal(text, &tree); err != nil {
		where := Origin{Kind: FromFile, Where: path}
		if syntax, ok := errors.AsType[*toml.DecodeError](err); ok {
			where.Line, _ = syntax.Position()
		}
		l.report("", where, "is no valid TOML: "+strings.TrimPrefix(err.Error(), "toml: "))
		return
	}
	l.path, l.lines = path, linesOf(text)
	l.table(tree, nil, fieldsOf(&l.cfg))
}

// table sets what a table says; what it holds of unknown keys is a mistake.
func (l *loader) table(tree map[string]any, path []string, fields []field) {
	for _, key := range slices.Sorted(maps.Keys(tree)) {
		at := append(slices.Clone(path), key)
		name, value := joinKey(at), tree[key]
		if i := slices.IndexFunc(families(), func(f family) bool { return f.path == name }); i >= 0 {
			l.members(families()[i], value)
			continue
		}
		if i := slices.IndexFunc(fields, func(f field) bool { return f.Name == name }); i >= 0 {
			l.put(fields[i], l.line(name), func(v reflect.Value) error { return setAny(v, value) })
			continue
		}
		inner, isTable := value.(map[string]any)
		section := hasSection(fields, name)
		switch {
		case section && isTable:
			l.table(inner, at, fields)
		case section:
			l.report(name, l.line(name), fmt.Sprintf("%s stands where a table belongs; write [%s] and its keys below", tomlName(value), name))
		default:
			l.report(name, l.line(name), "unknown key"+didYouMean(name, names(fields)))
		}
	}
}

// members reads the tables of a family.
func (l *loader) members(f family, value any) {
	tables, ok := value.(map[string]any)
	if !ok {
		l.report(f.path, l.line(f.path), fmt.Sprintf(`write one [%s."NAME"] for each`, f.path))
		return
	}
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		path := memberPath(f.path, name)
		table, ok := tables[name].(map[string]any)
		if !ok {
			l.report(path, l.line(path), fmt.Sprintf("%s stands where a table belongs; write [%s] and its keys below", tomlName(tables[name]), path))
			continue
		}
		fields, keep := f.member(&l.cfg, name)
		l.memberSecrets(path, table, fields)
		l.table(table, append(strings.Split(f.path, "."), name), fields)
		keep()
	}
}

// memberSecrets reads and removes the keys that name the file of a secret.
func (l *loader) memberSecrets(path string, table map[string]any, fields []field) {
	for _, f := range fields {
		key := strings.TrimPrefix(f.Name, path+".")
		value, ok := table[key+"_file"]
		if !f.Secret || !ok {
			continue
		}
		delete(table, key+"_file")
		where := l.line(f.Name + "_file")
		file, isString := value.(string)
		_, both := table[key]
		switch {
		case both:
			l.report(f.Name, where, fmt.Sprintf("%s and %s_file are both set; keep one", key, key))
		case !isString || file == "":
			l.report(f.Name, where, fmt.Sprintf("%s_file wants the name of a file, in quotes", key))
		default:
			l.secretFile(f, where, file)
		}
	}
}

// secretFile reads a secret; the line break that editors put at its end is not part of it.
func (l *loader) secretFile(f field, named Origin, file string) {
	text, err := l.files(file)
	content := strings.TrimRight(string(text), "\r\n")
	switch {
	case err != nil:
		l.report(f.Name, named, fmt.Sprintf("the file of the secret cannot be read: %v; correct its name or its rights", err))
	case content == "":
		l.report(f.Name, named, fmt.Sprintf("the file of the secret, %s, is empty; write the secret into it", file))
	default:
		l.put(f, Origin{Kind: FromSecretFile, Where: named.String() + " " + file}, func(v reflect.Value) error { return setText(v, content) })
	}
}

// line is the place of a key; one inside braces stands where its table stands.
func (l *loader) line(name string) Origin {
	at := name
	for l.lines[at] == 0 && strings.Contains(at, ".") {
		at = at[:strings.LastIndexByte(at, '.')]
	}
	return Origin{Kind: FromFile, Where: l.path, Line: l.lines[at]}
}

// linesOf finds the line on which each key or table of a valid file first stands.
func linesOf(text []byte) map[string]int {
	lines := map[string]int{}
	var parser unstable.Parser
	parser.Reset(text)
	var table []string
	note := func(path []string, node *unstable.Node) {
		for i := range path { // a header names its parents as well
			if name := joinKey(path[:i+1]); lines[name] == 0 {
				lines[name] = parser.Shape(node.Raw).Start.Line
			}
		}
	}
	for parser.NextExpression() {
		expression := parser.Expression()
		if expression.Kind == unstable.Comment {
			continue
		}
		var path []string
		if expression.Kind == unstable.KeyValue {
			path = slices.Clone(table)
		}
		var last *unstable.Node
		for keys := expression.Key(); keys.Next(); {
			last = keys.Node()
			path = append(path, string(last.Data))
		}
		note(path, last)
		if expression.Kind != unstable.KeyValue {
			table = path
		}
	}
	return lines
}

// quoteKey writes one part of a key as the file would have to.
func quoteKey(part string) string {
	if regexp.MustCompile(`^[A-Za-z0-9_-]+$`).MatchString(part) {
		return part
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(part) + `"`
}

func joinKey(parts []string) string {
	quoted := make([]string, 0, len(parts))
	for _, part := range parts {
		quoted = append(quoted, quoteKey(part))
	}
	return strings.Join(quoted, ".")
}

func hasSection(fields []field, name string) bool {
	inside := func(f family) bool { return strings.HasPrefix(f.path, name+".") }
	return slices.ContainsFunc(families(), inside) || slices.ContainsFunc(fields, func(f field) bool { return strings.HasPrefix(f.Name, name+".") })
}

func names(fields []field) []string {
	all := make([]string, 0, len(fields))
	for _, f := range fields {
		all = append(all, f.Name)
	}
	return all
}
