package erp

import (
	"bytes"
	"cmp"
	_ "embed" // the page and its style
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

//go:embed docs.html
var docsPage string

//go:embed docs.css
var docsStyle []byte

// docs makes a page that shows the OpenAPI document: plain HTML, without scripts and
// without anything from elsewhere.
func docs(api *huma.OpenAPI, order []string) ([]byte, error) {
	r := renderer{schemas: api.Components.Schemas, order: order}
	page, err := template.New("docs").Funcs(template.FuncMap{"markdown": markdown()}).Parse(docsPage)
	if err != nil {
		return nil, fmt.Errorf("page of the API: %w", err)
	}
	var text bytes.Buffer
	if err := page.Execute(&text, r.page(api)); err != nil {
		return nil, fmt.Errorf("page of the API: %w", err)
	}
	return text.Bytes(), nil
}

// The parts of the page.
type (
	docPage struct {
		Title, Intro string
		Groups       []docGroup
		Schemas      []docSchema
	}
	docGroup struct {
		Name, Text string
		Operations []docOperation
	}
	docOperation struct {
		ID, Method, Path, Summary, Text string
		Params                          []docField
		Bodies                          []docBody
		Answers                         []docAnswer
	}
	docBody struct {
		Media, Type, Example string
	}
	docAnswer struct {
		Status, Text, Type, Example string
	}
	docSchema struct {
		Name   string
		Fields []docField
	}
	docField struct {
		Name, In, Type, Ref, Text, Example string
		Required                           bool
	}
)

type renderer struct {
	schemas huma.Registry
	order   []string // of the operations, by their ids
}

func (r renderer) page(api *huma.OpenAPI) docPage {
	out := docPage{Title: api.Info.Title, Intro: api.Info.Description}
	for _, tag := range api.Tags {
		out.Groups = append(out.Groups, docGroup{Name: tag.Name, Text: tag.Description, Operations: r.operations(api, tag.Name)})
	}
	all := r.schemas.Map()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		out.Schemas = append(out.Schemas, docSchema{Name: name, Fields: r.fields(all[name])})
	}
	return out
}

func (r renderer) operations(api *huma.OpenAPI, tag string) []docOperation {
	var out []docOperation
	for _, path := range slices.Sorted(maps.Keys(api.Paths)) {
		for _, method := range []string{http.MethodPut, http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete} {
			if op := operationAt(api.Paths[path], method); op != nil && slices.Contains(op.Tags, tag) {
				out = append(out, r.operation(op))
			}
		}
	}
	slices.SortFunc(out, func(a, b docOperation) int { return slices.Index(r.order, a.ID) - slices.Index(r.order, b.ID) })
	return out
}

func (r renderer) operation(op *huma.Operation) docOperation {
	out := docOperation{ID: op.OperationID, Method: op.Method, Path: op.Path, Summary: op.Summary, Text: op.Description}
	for _, p := range op.Parameters {
		f := r.field(p.Name, p.Schema, p.Required)
		f.In = p.In
		out.Params = append(out.Params, f)
	}
	if op.RequestBody != nil {
		for _, media := range slices.Sorted(maps.Keys(op.RequestBody.Content)) {
			s := op.RequestBody.Content[media].Schema
			out.Bodies = append(out.Bodies, docBody{Media: media, Type: nameOf(s), Example: r.example(s)})
		}
	}
	for _, status := range slices.Sorted(maps.Keys(op.Responses)) {
		a := docAnswer{Status: status, Text: op.Responses[status].Description}
		for media, content := range op.Responses[status].Content {
			a.Type = nameOf(content.Schema)
			if media == "application/json" {
				a.Example = r.example(content.Schema)
			}
		}
		out.Answers = append(out.Answers, a)
	}
	return out
}

func nameOf(s *huma.Schema) string {
	if s == nil {
		return ""
	}
	return s.Ref[strings.LastIndexByte(s.Ref, '/')+1:]
}

func (r renderer) fields(s *huma.Schema) []docField {
	var out []docField
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		out = append(out, r.field(name, s.Properties[name], slices.Contains(s.Required, name)))
	}
	return out
}

func (r renderer) field(name string, s *huma.Schema, required bool) docField {
	f := docField{Name: name, Required: required, Text: s.Description, Type: s.Type, Ref: nameOf(s)}
	switch {
	case s.Type == "array" && s.Items != nil:
		f.Ref = nameOf(s.Items)
		f.Type = "list of " + cmp.Or(s.Items.Type, "objects")
	case f.Ref != "":
		f.Type = "object"
	case s.Format != "":
		f.Type += " (" + s.Format + ")"
	}
	if len(s.Enum) > 0 {
		f.Type += " " + compact(s.Enum)
	}
	if len(s.Examples) > 0 {
		f.Example = compact(s.Examples[0])
	}
	return f
}

func compact(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(text)
}

// example builds a value from the examples of the fields.
func (r renderer) example(s *huma.Schema) string {
	v := r.sample(s, 0)
	if v == nil {
		return ""
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return ""
	}
	return strings.TrimSpace(b.String())
}

func (r renderer) sample(s *huma.Schema, depth int) any {
	if s == nil || depth > 6 {
		return nil
	}
	if s.Ref != "" {
		s = r.schemas.SchemaFromRef(s.Ref)
	}
	switch {
	case len(s.Examples) > 0:
		return s.Examples[0]
	case len(s.Enum) > 0:
		return s.Enum[0]
	case len(s.Properties) > 0:
		out := map[string]any{}
		for name, p := range s.Properties {
			if v := r.sample(p, depth+1); v != nil {
				out[name] = v
			}
		}
		return out
	case s.Items != nil:
		if v := r.sample(s.Items, depth+1); v != nil {
			return []any{v}
		}
	}
	return nil
}

// markdown writes the little of Markdown that the texts use: paragraphs, numbered lists,
// bold and code. Everything else is text.
func markdown() func(string) template.HTML {
	code := regexp.MustCompile("`([^`]+)`")
	bold := regexp.MustCompile(`\*\*([^*]+)\*\*`)
	return func(text string) template.HTML {
		var b strings.Builder
		for paragraph := range strings.SplitSeq(text, "\n\n") {
			escaped := template.HTMLEscapeString(paragraph)
			escaped = code.ReplaceAllString(escaped, "<code>$1</code>")
			escaped = bold.ReplaceAllString(escaped, "<strong>$1</strong>")
			b.WriteString("<p>" + strings.ReplaceAll(escaped, "\n", "<br>") + "</p>")
		}
		return template.HTML(b.String()) //nolint:gosec // escaped above; the texts are our own
	}
}
