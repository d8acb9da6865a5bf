package erp_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// frontCodes lists the codes that the server gives to what it answers of its own.
func frontCodes(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../server/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			if pair, ok := n.(*ast.KeyValueExpr); ok {
				key, isName := pair.Key.(*ast.Ident)
				value, isText := pair.Value.(*ast.BasicLit)
				if isName && isText && key.Name == "Code" {
					out = append(out, strings.Trim(value.Value, `"`))
				}
			}
			return true
		})
	}
	return out
}

func TestWhatTheServerAnswersOfItsOwnHasWordsInEveryLanguage(t *testing.T) {
	t.Parallel()
	b := common(t)
	all := frontCodes(t)
	if len(all) < 7 {
		t.Errorf("only %v were found", all)
	}
	for _, code := range all {
		said := map[string]bool{}
		for _, lang := range []string{"en", "ru", "de", "es"} {
			r := &http.Request{Header: http.Header{"Accept-Language": {lang}}}
			text := b.door.Say(r, code)
			if text == "" || strings.HasPrefix(text, "The request was not accepted") {
				t.Errorf("%s has no words in %s: %q", code, lang, text)
			}
			said[text] = true
		}
		if len(said) != 4 {
			t.Errorf("%s is said the same in two languages: %v", code, said)
		}
	}
	if said := b.door.Say(&http.Request{Header: http.Header{}}, "teapot"); said != "" {
		t.Errorf("a code that is not the server's: %q", said)
	}
}

func TestAWrongPathIsToldInTheLanguageAskedFor(t *testing.T) {
	t.Parallel()
	b := common(t)
	for _, c := range []struct {
		method, path, code string
		status             int
		said               map[string]string
	}{
		{"GET", "/v1/nothing", "not_found", 404, map[string]string{"en": "nothing at this path", "ru": "ничего нет", "de": "nichts", "es": "No hay nada"}},
		{"DELETE", b.path("REQ"), "method_not_allowed", 405, map[string]string{"en": "Allow", "ru": "не принимает", "de": "nimmt", "es": "no admite"}},
		{"GET", "/v1//events", "bad_path", 400, map[string]string{"en": "ambiguous", "ru": "неоднозначен", "de": "mehrdeutig", "es": "ambigua"}},
		{"GET", "/" + strings.Repeat("x", 3000), "path_too_long", 414, map[string]string{"en": "too long", "ru": "слишком длинный", "de": "zu lang", "es": "demasiado larga"}},
	} {
		for lang, part := range c.said {
			out := b.call(t, request{method: c.method, path: c.path, headers: []string{"Accept-Language: " + lang + "-XX;q=0.9"}})
			expect(t, out, c.status, c.code)
			if !strings.Contains(out.at(t, "message"), part) {
				t.Errorf("%s %.30s in %s: %s", c.method, c.path, lang, out.body)
			}
		}
	}
	// A thing that is not there is told in other words than a path.
	if out := b.get(t, b.path("none")); out.at(t, "message") != "Not found." {
		t.Errorf("%s", out.body)
	}
}
