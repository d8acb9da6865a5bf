package erp

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// intake reads one JSON document strictly: one object, exact names, no name twice, valid
// UTF-8, whole numbers exact. It collects everything that is wrong, and notes what it
// took in another form than it came.
type intake struct {
	lenient bool // numbers and dates as ERPs print them are understood
	found   gathered
	unknown gathered
	taken   notes // values in another form than they came
}

// object is one JSON object that is being read. What was not asked for by name when done
// is called is unknown.
type object struct {
	in      *intake
	path    string
	members []member
	asked   []string
	bad     []string // names with which something is wrong
}

// member is a name of an object with its value, a part of the text.
type member struct {
	name  string
	value jsontext.Value
}

// open reads the text as one object. Its error is a problem with status 400.
func (in *intake) open(text []byte) (*object, error) {
	if rest, ok := bytes.CutPrefix(text, []byte("\ufeff")); ok {
		text = rest
		in.taken.put("", "BOM", "")
	}
	if err := weigh(text); err != nil {
		return nil, err
	}
	d := jsontext.NewDecoder(bytes.NewBuffer(text))
	if kind := d.PeekKind(); kind != '{' {
		if _, err := d.ReadValue(); err != nil {
			return nil, unreadable(err)
		}
		return nil, &problemError{status: http.StatusBadRequest, code: "invalid_json", hint: "{…}"}
	}
	return in.members("", text)
}

// unreadable is a text that is no JSON, or has a name twice.
func unreadable(err error) error {
	p := &problemError{status: http.StatusBadRequest, code: "invalid_json", cause: err}
	if s, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		if errors.Is(err, jsontext.ErrDuplicateName) {
			p.code = "duplicate_key"
		}
		p.faults.add(pathOf(s.JSONPointer), p.code, "byte "+strconv.FormatInt(s.ByteOffset, 10))
	}
	return p
}

// members splits an object. Its values are parts of the text.
func (in *intake) members(path string, text jsontext.Value) (*object, error) {
	o := &object{in: in, path: path}
	d := jsontext.NewDecoder(bytes.NewBuffer(text))
	if _, err := d.ReadToken(); err != nil {
		return nil, unreadable(err)
	}
	for d.PeekKind() == '"' {
		token, err := d.ReadToken()
		if err != nil {
			return nil, unreadable(err)
		}
		m := member{name: token.String()}
		if m.value, err = next(d, text); err != nil {
			return nil, unreadable(err)
		}
		o.members = append(o.members, m)
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, unreadable(err)
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) { // one document, and nothing behind it
		return nil, unreadable(cmp.Or(err, errSecond))
	}
	return o, nil
}

var errSecond = errors.New("something follows the document")

// next gives the next value as a part of the text that the decoder reads.
func next(d *jsontext.Decoder, text jsontext.Value) (jsontext.Value, error) {
	v, err := d.ReadValue()
	if err != nil {
		return nil, err
	}
	end := int(d.InputOffset())
	return text[end-len(v) : end : end], nil
}

// at names a member of the object.
func (o *object) at(name string) string {
	if o.path == "" {
		return name
	}
	return o.path + "." + name
}

func (o *object) fault(name, code string) { o.refuse(name, code, "") }

// refuse notes a fault with a hint, which is the same in all languages.
func (o *object) refuse(name, code, hint string) {
	o.bad = append(o.bad, name)
	o.in.found.add(o.at(name), code, hint)
}

// fine reports whether nothing was found wrong with a member so far.
func (o *object) fine(name string) bool { return !slices.Contains(o.bad, name) }

// note says that a member was taken in another form.
func (o *object) note(name, from, to string) { o.in.taken.put(o.at(name), from, to) }

// value gives a member; null is the same as none.
func (o *object) value(name string) (jsontext.Value, bool) {
	if !slices.Contains(o.asked, name) {
		o.asked = append(o.asked, name)
	}
	i := slices.IndexFunc(o.members, func(m member) bool { return m.name == name })
	if i < 0 || o.members[i].value.Kind() == 'n' {
		return nil, false
	}
	return o.members[i].value, true
}

// text reads a text by its rule. It is empty where there is none, or where it is wrong.
func (o *object) text(name string, r rule) string {
	v, ok := o.value(name)
	if !ok {
		o.need(name, r)
		return ""
	}
	if v.Kind() != '"' {
		o.fault(name, "wrong_type")
		return ""
	}
	sent := unquote(v)
	text, code := r.apply(sent)
	switch {
	case code != "":
		o.refuse(name, code, r.hint(code))
		return ""
	case text == "":
		o.need(name, r)
	case text != sent:
		o.note(name, sent, text)
	}
	return text
}

func (o *object) need(name string, r rule) {
	if r.required {
		o.fault(name, "missing_field")
	}
}

func unquote(v jsontext.Value) string {
	text, err := jsontext.AppendUnquote(nil, v)
	if err != nil { // cannot be: the value was read as a text
		return ""
	}
	return string(text)
}

// whole reads a whole number within its limits; ok is false where there is none.
func (o *object) whole(name string, least, most int64) (n int64, ok bool) {
	v, ok := o.value(name)
	if !ok {
		return 0, false
	}
	if v.Kind() != '0' || strings.ContainsAny(string(v), ".eE") {
		o.fault(name, "wrong_type")
		return 0, false
	}
	n, err := strconv.ParseInt(string(v), 10, 64)
	if err != nil || n < least || n > most {
		o.refuse(name, "out_of_range", strconv.FormatInt(least, 10)+" … "+strconv.FormatInt(most, 10))
		return 0, false
	}
	return n, true
}

// truth reads true or false; without one it is false.
func (o *object) truth(name string) bool {
	v, ok := o.value(name)
	if ok && v.Kind() != 't' && v.Kind() != 'f' {
		o.fault(name, "wrong_type")
	}
	return ok && v.Kind() == 't'
}

// choice reads true or false, and nil where nothing is said.
func (o *object) choice(name string) *bool {
	if _, ok := o.value(name); !ok {
		return nil
	}
	yes := o.truth(name)
	return &yes
}

// inner reads an object; without one it is empty.
func (o *object) inner(name string) *object {
	v, ok := o.value(name)
	if ok && v.Kind() == '{' {
		if inner, err := o.in.members(o.at(name), v); err == nil { // valid: it was read before
			return inner
		}
	}
	if ok {
		o.fault(name, "wrong_type")
	}
	return &object{in: o.in, path: o.at(name)}
}

// list reads an array of at most so many values; each is given its path.
func (o *object) list(name string, most int, each func(path string, v jsontext.Value)) {
	v, ok := o.value(name)
	if !ok {
		return
	}
	if v.Kind() != '[' {
		o.fault(name, "wrong_type")
		return
	}
	d := jsontext.NewDecoder(bytes.NewBuffer(v))
	_, _ = d.ReadToken() // valid: it was read before
	for i := 0; d.PeekKind() != ']'; i++ {
		item, err := next(d, v)
		if err != nil {
			return
		}
		if i == most {
			o.fault(name, "too_many")
			return
		}
		each(o.at(name)+"["+strconv.Itoa(i)+"]", item)
	}
}

// objects reads an array of objects.
func (o *object) objects(name string, most int, each func(*object)) {
	o.list(name, most, func(path string, v jsontext.Value) {
		if v.Kind() != '{' {
			o.in.found.add(path, "wrong_type", "")
			return
		}
		if inner, err := o.in.members(path, v); err == nil {
			each(inner)
			inner.done()
		}
	})
}

// texts reads an array of texts.
func (o *object) texts(name string, most int, r rule) []string {
	var out []string
	o.list(name, most, func(path string, v jsontext.Value) {
		if v.Kind() != '"' {
			o.in.found.add(path, "wrong_type", "")
			return
		}
		text, code := r.apply(unquote(v))
		if code == "" && text == "" {
			code = "missing_field"
		}
		if code != "" {
			o.in.found.add(path, code, r.hint(code))
			return
		}
		out = append(out, text)
	})
	return out
}

// done notes the members that nobody asked for.
func (o *object) done() {
	for _, m := range o.members {
		name := m.name
		if slices.Contains(o.asked, name) {
			continue
		}
		if o.in.unknown.full() {
			o.in.unknown.more++
			continue
		}
		hint := `"fields"`
		if i := slices.IndexFunc(o.asked, func(k string) bool { return strings.EqualFold(k, name) }); i >= 0 {
			hint = strconv.Quote(o.asked[i])
		} else if !slices.Contains(o.asked, "fields") {
			hint = ""
		}
		o.in.unknown.add(o.at(shown(name)), "unknown_field", hint)
	}
}

// err is what was wrong: with names that are not known 400, else 422. The text is that of
// the whole.
func (in *intake) err(text string) error {
	p := &problemError{faults: in.found.kept, more: in.found.more + in.unknown.more}
	switch {
	case !in.unknown.none():
		p.status, p.code, p.faults = http.StatusBadRequest, "unknown_field", slices.Concat(in.unknown.kept, in.found.kept)
	case !in.found.none():
		p.status, p.code, p.text = http.StatusUnprocessableEntity, "invalid_field", text
	default:
		return nil
	}
	p.keep(mostFaults)
	return p
}
