package telegram_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"countersign/internal/telegram"
)

func TestAFileIsFetchedWithinItsBound(t *testing.T) {
	t.Parallel()
	s, c := world(t)
	content := bytes.Repeat([]byte("0123456789"), 1000)
	id := s.StoreFile("photo", "photo.jpg", content)
	got, err := c.Fetch(t.Context(), id, int64(len(content)))
	if err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	for name, tc := range map[string]struct {
		id   string
		most int64
		want telegram.Kind
	}{
		"one byte too many": {id, int64(len(content)) - 1, telegram.TooLarge},
		"no such file":      {"nothing", 100, telegram.BadFile},
		"over 20 MB":        {s.StoreFile("document", "a", make([]byte, telegram.MaxFetch+1)), 1 << 30, telegram.TooLarge},
	} {
		if got, err := c.Fetch(t.Context(), tc.id, tc.most); telegram.KindOf(err) != tc.want || got != nil {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
}

// TestAServerThatLiesAboutAFile: whatever it says, no more is read than asked for, no other
// place is asked, and the token stays ours.
func TestAServerThatLiesAboutAFile(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		path   string
		status int
		body   string
		want   telegram.Kind
	}{
		"more than it said":  {"a/b", 200, strings.Repeat("x", 11), telegram.TooLarge},
		"a path of its disk": {"/etc/passwd", 200, "root", telegram.BadFile},
		"no path":            {"", 200, "x", telegram.BadFile},
		"up and away":        {"../../x?y#z", 404, "", telegram.BadFile},
		"a moment later":     {"a", 503, "", telegram.Transient},
		"elsewhere":          {"a", 302, "", telegram.BadFile},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "/getFile") {
					_, _ = w.Write([]byte(`{"ok":true,"result":{"file_id":"f","file_size":5,"file_path":"` + tc.path + `"}}`))
					return
				}
				w.WriteHeader(tc.status)
				_, _ = w.Write([]byte(tc.body))
			}))
			t.Cleanup(srv.Close)
			c := client(t, telegram.Options{APIURL: srv.URL})
			got, err := c.Fetch(t.Context(), "f", 10)
			if telegram.KindOf(err) != tc.want || got != nil || strings.Contains(err.Error(), token) {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

// TestAServerOfOnesOwnKeepsFilesInAFolder: what is read there is inside of it, whatever the
// server says and whatever links there are.
func TestAServerOfOnesOwnKeepsFilesInAFolder(t *testing.T) {
	t.Parallel()
	dir, other := t.TempDir(), t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, "4242", "documents"), 0o700))
	must(t, os.WriteFile(filepath.Join(dir, "4242", "documents", "file_1.pdf"), []byte("invoice"), 0o600))
	must(t, os.WriteFile(filepath.Join(other, "secret"), []byte("secret"), 0o600))
	must(t, os.Symlink(filepath.Join(other, "secret"), filepath.Join(dir, "link")))
	for name, tc := range map[string]struct {
		dir, path string
		most      int64
		kind      telegram.Kind
		want      string
	}{
		"a file":            {dir, filepath.Join(dir, "4242", "documents", "file_1.pdf"), 7, telegram.OK, "invoice"},
		"too long":          {dir, filepath.Join(dir, "4242", "documents", "file_1.pdf"), 6, telegram.TooLarge, ""},
		"no folder is set":  {"", filepath.Join(dir, "4242", "documents", "file_1.pdf"), 7, telegram.BadFile, "set telegram.files_dir"},
		"not there":         {dir, filepath.Join(dir, "4242", "documents", "file_2.pdf"), 7, telegram.BadFile, ""},
		"another folder":    {dir, filepath.Join(other, "secret"), 7, telegram.BadFile, "outside of telegram.files_dir"},
		"up and away":       {dir, dir + "/4242/../../" + filepath.Base(other) + "/secret", 7, telegram.BadFile, "outside of telegram.files_dir"},
		"a link out of it":  {dir, filepath.Join(dir, "link"), 7, telegram.BadFile, ""},
		"a folder":          {dir, filepath.Join(dir, "4242"), 7, telegram.BadFile, "no file"},
		"the folder itself": {dir, dir, 7, telegram.BadFile, "no file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_, _ = w.Write([]byte(`{"ok":true,"result":{"file_id":"f","file_path":"` + tc.path + `"}}`))
			}))
			t.Cleanup(srv.Close)
			got, err := client(t, telegram.Options{APIURL: srv.URL, FilesDir: tc.dir}).Fetch(t.Context(), "f", tc.most)
			switch {
			case telegram.KindOf(err) != tc.kind:
				t.Errorf("%q, %v", got, err)
			case err == nil && string(got) != tc.want, err != nil && (got != nil || !strings.Contains(err.Error(), tc.want)):
				t.Errorf("%q, %v, want %q", got, err, tc.want)
			}
		})
	}
}

func TestAReactionIsPutUnderAMessage(t *testing.T) {
	t.Parallel()
	s, c := world(t)
	id, err := s.Say(anna, anna, "hello", 0)
	must(t, err)
	for range 2 {
		must(t, c.React(t.Context(), anna, id, "✍"))
	}
	if m, _ := s.Message(anna, id); len(m.Reactions) != 1 || m.Reactions[0] != "✍" {
		t.Errorf("%v", m.Reactions)
	}
	if err := c.React(t.Context(), anna, id+100, "✍"); telegram.KindOf(err) != telegram.Gone {
		t.Errorf("no such message: %v", err)
	}
	if err := c.React(t.Context(), anna, id, "✅"); telegram.KindOf(err) != telegram.Bug {
		t.Errorf("an emoji that is none of those: %v", err)
	}
}
