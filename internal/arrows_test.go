// Package internal_test holds the map of the house: who may import whom. Arrows point
// down only. A new arrow is a new line here, with its reason in the commit.
package internal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "countersign/"

// arrows names, for each package, those of ours that it imports outside its tests.
func arrows() map[string]string {
	return map[string]string{
		// the pure core
		"internal/money":    "",
		"internal/calendar": "",
		"internal/markup":   "",
		"internal/people":   "internal/money",
		"internal/document": "internal/money",
		"internal/route":    "internal/document internal/money internal/people",
		"internal/approval": "internal/document internal/money internal/people internal/route",
		"internal/locale":   "internal/money",
		"internal/card":     "internal/approval internal/document internal/locale internal/markup internal/money internal/people internal/route",

		// small things that know nobody
		"internal/crash":  "",
		"internal/ident":  "",
		"internal/pin":    "",
		"internal/secret": "",
		"internal/wake":   "",
		"internal/pages":  "",
		"internal/seal":   "internal/secret",
		"migrations":      "",
		"configs":         "",
		"web":             "",

		// the record
		"internal/file":      "",
		"internal/pace":      "",
		"internal/directory": "internal/ident internal/money internal/people internal/secret",
		"internal/ledger": "internal/approval internal/crash internal/directory internal/document internal/file internal/ident " +
			"internal/money internal/people internal/route internal/wake migrations",
		"internal/inbox": "internal/crash internal/seal internal/secret internal/telegram internal/wake",
		// what came in and went out, for whoever looks afterwards
		"internal/discreet": "internal/telegram",
		"internal/journal":  "internal/crash internal/discreet internal/ident internal/inbox internal/secret internal/telegram",

		// the systems outside, and their stand-ins
		"internal/postgres":              "",
		"internal/postgres/postgrestest": "internal/postgres",
		"internal/telegram":              "internal/markup internal/secret",
		"internal/telegram/telegramtest": "",
		"internal/google":                "internal/secret",
		"internal/google/googletest":     "",
		"internal/google/workspacetest":  "",
		"internal/crash/crashtest":       "",
		"internal/goldentest":            "",
		"internal/browsertest":           "",
		"internal/pages/pagestest":       "",
		"internal/locale/localetest":     "internal/locale web",
		"internal/ledger/ledgertest": "configs internal/approval internal/crash/crashtest internal/directory internal/document internal/file internal/ledger " +
			"internal/money internal/people internal/postgres/postgrestest internal/wake migrations",

		"internal/doctor": "internal/asterisk internal/directory internal/google internal/hook internal/inbox internal/locale internal/markup internal/secret internal/telegram internal/trueconf",

		"internal/trueconf":              "internal/secret",
		"internal/trueconf/trueconftest": "",
		"internal/asterisk":              "internal/secret",
		"internal/asterisk/asterisktest": "",

		// the shape of what desks show in chats
		"internal/screen": "internal/locale internal/markup internal/people internal/telegram",
		// what was done to conferences and meetings, for good
		"internal/deed": "internal/ident internal/people",
		"internal/meet": "internal/deed internal/directory internal/ident internal/ledger internal/locale internal/markup internal/notice internal/pages internal/people internal/server internal/trueconf",

		"internal/roster": "internal/directory internal/google internal/people internal/route",

		// doors
		"internal/link":    "internal/directory internal/google internal/ident internal/locale internal/markup internal/notice internal/pages internal/people",
		"internal/assure":  "internal/directory internal/google internal/ident internal/locale internal/pages internal/people internal/pin",
		"internal/console": "internal/deed internal/directory internal/doctor internal/google internal/journal internal/locale internal/pages internal/people",
		"internal/chat": "internal/approval internal/assure internal/audiodesk internal/calendar internal/card internal/crash internal/directory internal/document internal/file internal/ident internal/inbox " +
			"internal/ledger internal/link internal/locale internal/markup internal/meet internal/money internal/notice internal/pace internal/people internal/screen internal/secret internal/telegram internal/wake",
		"internal/erp": "internal/approval internal/audiodesk internal/directory internal/document internal/file internal/hook internal/ident internal/ledger " +
			"internal/locale internal/meet internal/money internal/notice internal/people internal/secret internal/server internal/wake",

		"internal/audiodesk": "internal/approval internal/asterisk internal/ident internal/ledger internal/locale internal/markup internal/notice internal/pace internal/people internal/pin " +
			"internal/screen internal/seal internal/secret internal/telegram internal/wake",
		"internal/videodesk": "internal/approval internal/deed internal/document internal/ident internal/ledger internal/locale internal/markup internal/notice internal/people internal/screen " +
			"internal/telegram internal/trueconf internal/videowatch internal/wake",

		// loops
		"internal/handout": "internal/directory internal/file internal/locale internal/pages", // a link ends with whoever got it
		"internal/post":    "internal/file internal/telegram",
		"internal/notice": "internal/approval internal/calendar internal/card internal/directory internal/document internal/handout internal/ident internal/ledger internal/locale " +
			"internal/markup internal/pace internal/people internal/post internal/telegram internal/wake",
		"internal/videowatch": "internal/deed internal/directory internal/ident internal/markup internal/notice internal/people internal/trueconf internal/wake",
		"internal/courier": "internal/approval internal/card internal/crash internal/directory internal/handout internal/ledger internal/locale internal/pace " +
			"internal/people internal/post internal/telegram internal/wake",
		"internal/hook": "internal/crash internal/ident internal/ledger internal/seal internal/secret internal/wake",

		// the house itself
		"internal/server":       "",
		"internal/config":       "internal/secret",
		"internal/demo/fakeerp": "internal/wake",
		"internal/demo": "configs internal/asterisk/asterisktest internal/config internal/demo/fakeerp internal/directory internal/google/googletest internal/ledger " +
			"internal/people internal/secret internal/telegram/telegramtest internal/trueconf/trueconftest internal/wake web",

		// it builds everything, and decides nothing: of the core it reads routes only
		"cmd/countersign": "internal/assure internal/asterisk internal/audiodesk internal/calendar internal/chat internal/config internal/console internal/courier internal/crash internal/deed internal/demo internal/directory internal/discreet internal/doctor internal/document internal/erp " +
			"internal/file internal/google internal/handout internal/hook internal/inbox internal/journal internal/ledger internal/link internal/locale internal/meet internal/notice internal/pace internal/people " +
			"internal/post internal/postgres internal/roster internal/route " +
			"internal/screen internal/seal internal/secret internal/server internal/telegram internal/trueconf internal/videodesk internal/videowatch internal/wake web",
	}
}

func TestArrowsPointAsTheMapSays(t *testing.T) {
	t.Parallel()
	want, got := arrows(), imports(t)
	for _, from := range slices.Sorted(maps.Keys(got)) {
		allowed, known := want[from]
		switch {
		case !known:
			t.Errorf("package %s is not on the map", from)
		default:
			for _, to := range slices.Sorted(maps.Keys(got[from])) {
				if !slices.Contains(strings.Fields(allowed), to) {
					t.Errorf("%s imports %s: no such arrow on the map", from, to)
				}
			}
			for to := range strings.FieldsSeq(allowed) {
				if !got[from][to] {
					t.Errorf("%s does not import %s: remove the arrow from the map", from, to)
				}
			}
		}
	}
	for from := range want {
		if _, there := got[from]; !there {
			t.Errorf("package %s is on the map and not there", from)
		}
	}
}

func TestNothingImportsTheCommandOrAStandInInProduction(t *testing.T) {
	t.Parallel()
	for from, to := range imports(t) {
		for target := range to {
			standIn := strings.HasSuffix(target, "test")
			if standIn && from != "internal/demo" && from != "cmd/countersign" && !strings.HasSuffix(from, "test") {
				t.Errorf("%s imports the stand-in %s", from, target)
			}
		}
	}
}

func TestEveryPackageSaysWhatItOwns(t *testing.T) {
	t.Parallel()
	docs := map[string][]string{}
	each(t, func(dir, name string, f *ast.File) {
		if f.Doc != nil && !strings.HasSuffix(name, "_test.go") {
			docs[dir] = append(docs[dir], f.Doc.Text())
		}
	})
	for dir := range imports(t) {
		switch {
		case len(docs[dir]) != 1:
			t.Errorf("%s has %d package comments, want one", dir, len(docs[dir]))
		case !strings.Contains(docs[dir][0], " own") && !strings.Contains(docs[dir][0], "holds"):
			t.Errorf("the comment of %s does not say what it owns", dir)
		}
	}
}

// imports lists what each package imports of ours, outside its tests.
func imports(t *testing.T) map[string]map[string]bool {
	t.Helper()
	out := map[string]map[string]bool{}
	each(t, func(dir, name string, f *ast.File) {
		if strings.HasSuffix(name, "_test.go") {
			return
		}
		if out[dir] == nil {
			out[dir] = map[string]bool{}
		}
		for _, i := range f.Imports {
			p, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if target, ours := strings.CutPrefix(p, module); ours {
				out[dir][target] = true
			}
		}
	})
	return out
}

func each(t *testing.T, visit func(dir, name string, f *ast.File)) {
	t.Helper()
	root := os.DirFS("..")
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || name != "." && strings.HasPrefix(d.Name(), ".")):
			return fs.SkipDir
		case d.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", filepath.FromSlash(name)), nil, parser.ImportsOnly|parser.ParseComments)
		if err == nil {
			visit(path.Dir(name), path.Base(name), f)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
