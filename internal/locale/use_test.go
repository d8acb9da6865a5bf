package locale_test

import (
	"go/scanner"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// built is a family of keys that code puts together: prefix + name + suffix.
type built struct {
	prefix, suffix string
	by             string   // the file that does it
	names          []string // where each name stands as a literal: files or folders
}

// families are all keys that are nowhere written in full.
func families() []built {
	return []built{
		{prefix: "doc.", by: "internal/card/figures.go", names: []string{"internal/demo", "internal/videodesk"}},
		{prefix: "field.own.", by: "internal/card/figures.go", names: []string{"internal/videodesk/store_request.go"}},
		{prefix: "role.", by: "internal/card/progress.go", names: []string{"internal/demo", "internal/videodesk/right.go"}},
		{prefix: "field.", by: "internal/card/changes.go", names: []string{"internal/document/change.go"}},
		{prefix: "field.", by: "internal/card/figures.go", names: []string{"internal/card/figures.go"}},
		{prefix: "card.", suffix: ".more", by: "internal/card/figures.go", names: []string{"internal/card/figures.go"}},
		{prefix: "card.why.", by: "internal/card/why.go", names: []string{"internal/card/why.go"}},
		{prefix: "state.", by: "internal/card/progress.go", names: []string{"internal/approval/case.go"}},
		{prefix: "outcome.", by: "internal/card/card.go", names: []string{"internal/approval/case.go"}},
		{prefix: "verdict.", by: "internal/card/progress.go", names: []string{"internal/approval/case.go"}},
		{prefix: "blocked.", by: "internal/card/progress.go", names: []string{"internal/approval/turn.go"}},
		{prefix: "queue.pile.", by: "internal/chat/queue.go", names: []string{"internal/ledger/list.go"}},
		{prefix: "queue.order.", by: "internal/chat/queue.go", names: []string{"internal/ledger/list.go"}},
		{prefix: "command.", by: "internal/chat/menu.go", names: []string{"internal/chat/menu.go"}},
		{prefix: "command.", by: "internal/chat/menu.go", names: []string{"internal/videodesk"}},
		{prefix: "help.", by: "internal/chat/panel.go", names: []string{"internal/videodesk"}},
		{prefix: "command.", by: "internal/chat/menu.go", names: []string{"internal/audiodesk"}},
		{prefix: "help.", by: "internal/chat/panel.go", names: []string{"internal/audiodesk"}},
		{prefix: "audio.discuss.", by: "internal/audiodesk/gather.go", names: []string{"internal/audiodesk/fate.go"}},
		{prefix: "audio.kind.", by: "internal/audiodesk/look.go", names: []string{"internal/audiodesk"}},
		{prefix: "audio.over.", by: "internal/audiodesk/look.go", names: []string{"internal/audiodesk"}},
		{prefix: "audio.did.", by: "internal/audiodesk/look.go", names: []string{"internal/audiodesk"}},
		{prefix: "audio.end.", by: "internal/audiodesk/look.go", names: []string{"internal/audiodesk"}},
		{prefix: "link.failed.", by: "internal/link/chat.go", names: []string{"internal/link"}},
		{prefix: "link.alarm.", by: "internal/link/link.go", names: []string{"internal/link"}},
		{prefix: "link.page.", suffix: ".title", by: "internal/link/page.go", names: []string{"internal/link"}},
		{prefix: "link.page.", suffix: ".text", by: "internal/link/page.go", names: []string{"internal/link"}},
		{prefix: "console.", by: "internal/console/page.go", names: []string{"internal/console"}},
		{prefix: "console.said.", by: "internal/console/page.go", names: []string{"internal/console"}},
		{prefix: "console.state.", by: "internal/console/page.go", names: []string{"internal/console", "internal/directory/read.go"}},
		{prefix: "console.role.", by: "internal/console/page.go", names: []string{"internal/console"}},
		{prefix: "console.did.", by: "internal/console/page.go", names: []string{"internal/console"}},
		{prefix: "console.level.", by: "internal/console/page.go", names: []string{"internal/doctor"}},
		{prefix: "assure.page.", suffix: ".title", by: "internal/assure/page.go", names: []string{"internal/assure"}},
		{prefix: "assure.page.", suffix: ".text", by: "internal/assure/page.go", names: []string{"internal/assure"}},
		{prefix: "assure.wrong.", by: "internal/assure/page.go", names: []string{"internal/assure"}},
		{prefix: "assure.alarm.", by: "internal/assure/check.go", names: []string{"internal/assure"}},
		{prefix: "assure.told.", by: "internal/assure/setup.go", names: []string{"internal/assure"}},
		{prefix: "notice.why.", by: "internal/erp/notices.go", names: []string{"internal/notice/notice.go"}},
		{prefix: "watch.down.", by: "internal/videowatch/alert.go", names: []string{"internal/videowatch"}},
		{prefix: "watch.up.", by: "internal/videowatch/alert.go", names: []string{"internal/videowatch"}},
		{prefix: "watch.certificate_", by: "internal/videowatch/alert.go", names: []string{"internal/videowatch"}},
		{prefix: "watch.fault.", by: "internal/videowatch/alert.go", names: []string{"internal/videowatch"}},
		{prefix: "watch.why.", by: "internal/videowatch/scan.go", names: []string{"internal/videowatch"}},
		{prefix: "meet.page.", by: "internal/meet/page.go", names: []string{"internal/meet"}},
		{prefix: "meet.failed.", by: "internal/meet/page.go", names: []string{"internal/meet"}},
		{prefix: "meet.lobby.", by: "internal/meet/lobby.go", names: []string{"internal/meet"}},
		{prefix: "problem.", by: "internal/erp/problem.go", names: []string{"internal/erp"}},
	}
}

// literals lists the strings in the code of the product by file, tests left out.
func literals(t *testing.T) map[string]map[string]bool {
	t.Helper()
	found := map[string]map[string]bool{}
	root := os.DirFS(filepath.Join("..", ".."))
	for _, folder := range []string{"cmd", "internal"} {
		err := fs.WalkDir(root, folder, func(name string, _ fs.DirEntry, err error) error {
			if err == nil && path.Ext(name) == ".html" {
				page, err := fs.ReadFile(root, name)
				found[name] = saidBy(page)
				return err
			}
			if err != nil || path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") || strings.HasSuffix(path.Dir(name), "test") {
				return err
			}
			source, err := fs.ReadFile(root, name)
			found[name] = stringsOf(source)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}

// saidBy lists the texts that a template names, and what it builds their keys from.
func saidBy(page []byte) map[string]bool {
	found := map[string]bool{}
	for _, m := range regexp.MustCompile(`\.(?:Say|T|At|Named) "([a-z._]+)"|print "([a-z.]+)"`).FindAllSubmatch(page, -1) {
		found[string(m[1])+string(m[2])] = true
	}
	return found
}

func stringsOf(source []byte) map[string]bool {
	found := map[string]bool{}
	var s scanner.Scanner
	s.Init(token.NewFileSet().AddFile("", -1, len(source)), source, nil, 0)
	for {
		_, kind, text := s.Scan()
		if kind == token.EOF {
			return found
		}
		if kind != token.STRING {
			continue
		}
		if value, err := strconv.Unquote(text); err == nil {
			found[value] = true
		}
	}
}

// places are the files in which a string stands.
type places map[string][]string

func placesOf(code map[string]map[string]bool) places {
	all := places{}
	for name, found := range code {
		for word := range found {
			all[word] = append(all[word], name)
		}
	}
	return all
}

// says reports whether a string stands in a file, or in a file of a folder.
func (p places) says(where, what string) bool {
	return slices.ContainsFunc(p[what], func(name string) bool { return name == where || strings.HasPrefix(name, where+"/") })
}

func TestEveryKeyThatCodeNamesIsThere(t *testing.T) {
	t.Parallel()
	english := read(t, "en")
	groups := map[string]bool{}
	for key := range english {
		group, _, _ := strings.Cut(key, ".")
		groups[group] = true
	}
	looks := regexp.MustCompile(`^[a-z]+(\.[a-z_]+)+$`)
	found := 0
	for name, words := range literals(t) {
		if !strings.HasPrefix(name, "internal/card/") && !strings.HasPrefix(name, "internal/chat/") && !strings.HasPrefix(name, "internal/link/") {
			continue // elsewhere such words may be names of fields or of settings
		}
		for word := range words {
			group, _, _ := strings.Cut(word, ".")
			if !looks.MatchString(word) || !groups[group] {
				continue
			}
			found++
			if english[word] == nil {
				t.Errorf("%s shows %s, which is no text", name, word)
			}
		}
	}
	if found < 60 {
		t.Errorf("only %d keys were found in the code", found)
	}
}

func TestEveryKeyIsShownBySomeCode(t *testing.T) {
	t.Parallel()
	code := literals(t)
	if len(code) < 100 {
		t.Fatalf("only %d files were read", len(code))
	}
	said := placesOf(code)
	hits := make([]int, len(families()))
	for _, key := range slices.Sorted(maps.Keys(read(t, "en"))) {
		used := said.says("cmd", key) || said.says("internal", key)
		for i, f := range families() {
			name, ours := strings.CutPrefix(key, f.prefix)
			name, ends := strings.CutSuffix(name, f.suffix)
			if ours && ends && slices.ContainsFunc(f.names, func(where string) bool { return said.says(where, name) }) {
				used = true
				hits[i]++
			}
		}
		if !used {
			t.Errorf("nothing shows %s", key)
		}
	}
	for i, f := range families() {
		if hits[i] == 0 || !said.says(f.by, f.prefix) {
			t.Errorf("%s does not build keys %s…%s any more, or there are none", f.by, f.prefix, f.suffix)
		}
	}
}
