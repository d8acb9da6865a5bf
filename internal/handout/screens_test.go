package handout_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"countersign/internal/directory"
	"countersign/internal/goldentest"
	"countersign/internal/pages/pagestest"
)

// reads gives what somebody reads behind a link, with a browser of a language.
func (c counter) reads(t *testing.T, tag, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	must(t, err)
	req.Header.Set("Accept-Language", tag+";q=0.9, fr")
	resp, err := c.web.Client().Do(req)
	must(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	must(t, err)
	return pagestest.Page{Status: resp.StatusCode, Body: string(body)}.Words()
}

// TestPagesReadAsWritten shows what stands behind a link while it is good, when it never was,
// when it is no more, and while nobody can look, in each language.
func TestPagesReadAsWritten(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	o, good := c.offer(t, "Счёт & акт.zip", strings.Repeat("x", 60<<18))
	o.Chat, o.Group = -101, "sales"
	ended, err := c.desk.Link(t.Context(), o)
	must(t, err)
	owner, err := pgx.Connect(t.Context(), c.OwnerURL)
	must(t, err)
	defer owner.Close(t.Context())
	run := func(sql string) {
		t.Helper()
		_, err := owner.Exec(t.Context(), sql)
		must(t, err)
	}
	run(`alter table file_link disable trigger user`)
	run(`update file_link set made_at = '2099-03-01 14:05 UTC', expires_at = '2099-03-15 14:05 UTC'`)
	c.bind(t, directory.Chat{ExternalID: "sales", TelegramID: -101, Title: "Sales", Disabled: true})
	shown := map[string]string{}
	show := func(title, url string) {
		for _, tag := range []string{"en", "ru", "de", "es"} {
			shown[tag] += fmt.Sprintf("=== %s\n%s\n\n", title, c.reads(t, tag, url))
		}
	}
	show("a file", good)
	show("of a group that is not connected any more", ended)
	show("never a link", c.web.URL+"/files/AAAAAAAAAAAAAAAAAAAAAAAAAA")
	run(`alter table file_link rename to file_link_away`)
	show("while nobody can look", good)
	for tag, text := range shown {
		goldentest.Same(t, "pages."+tag, text)
	}
}
