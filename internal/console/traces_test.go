package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"countersign/internal/pages/pagestest"
)

func (h *house) trace(t *testing.T, n int, chat int64, said string) {
	t.Helper()
	_, err := h.Pool.Exec(t.Context(), `insert into journal_entry
		values ($1, statement_timestamp() - interval '1 minute', 'out', 'sendMessage', '<i>what</i>', 'bug', true, 400, $3, $2, 5, $2, 'cas_1', '', 9, 'req_1', 1, 1000, 1, 1, '', '<b>text</b>', '{"a":"<script>x</script>"}')`,
		fmt.Sprintf("jrn_%026d", n), chat, said)
	must(t, err)
}

func TestWhoMaySeeWhatWasSent(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	anna := h.inside(t, "anna")
	h.trace(t, 1, 7, "chat not found")
	for _, role := range []string{"viewer", "operator", "auditor"} {
		h.act(t, anna, "boris", "role", url.Values{"role": {role}})
		p := h.inside(t, "boris").Get(h.web.URL + "/console/telegram")
		if role == "viewer" {
			if p.Status != http.StatusForbidden || strings.Contains(p.Body, "chat not found") {
				t.Errorf("%s: %d", role, p.Status)
			}
			continue
		}
		if p.Status != http.StatusOK || !strings.Contains(p.Body, "chat not found") {
			t.Errorf("%s: %d %s", role, p.Status, p.Body)
		}
	}
	if p := pagestest.Open(t, h.web).Get(h.web.URL + "/console/telegram"); p.Status != http.StatusUnauthorized || strings.Contains(p.Body, "chat not found") {
		t.Errorf("nobody: %d", p.Status)
	}
	if n := h.count(t, "select count(*) from console_journal where what = 'looked' and person = 'boris' and detail = 'since 24h'"); n != 2 {
		t.Errorf("%d who looked are written down", n)
	}
}

func TestWhatWasSentIsShownAsItIsAndFoundByEachField(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	anna := h.inside(t, "anna")
	h.trace(t, 1, 7, `Bad Request: "<script>alert(1)</script>`)
	h.trace(t, 2, 8, "quite another")
	at := h.web.URL + "/console/telegram?"
	for field, value := range map[string]string{"chat": "7", "person": "petrov", "error": "<SCRIPT>alert"} {
		p := anna.Get(at + url.Values{field: {value}}.Encode())
		if p.Status != http.StatusOK || !strings.Contains(p.Body, "alert(1)") || strings.Contains(p.Body, "quite another") {
			t.Errorf("%s: %d %s", field, p.Status, p.Body)
		}
		if strings.Contains(p.Body, "<script") || strings.Contains(p.Body, "<i>what") || strings.Contains(p.Body, "<b>text") {
			t.Errorf("%s: not escaped: %s", field, p.Body)
		}
	}
	for _, q := range []url.Values{{"document": {"erp/1"}}, {"method": {"sendMessage"}}, {"outcome": {"bug"}}, {"update": {"9"}}, {"request": {"req_1"}}, {"failed": {"1"}}, {"since": {"2h"}}} {
		if p := anna.Get(at + q.Encode()); !strings.Contains(p.Body, "alert(1)") || !strings.Contains(p.Body, "quite another") {
			t.Errorf("%v: %d %s", q, p.Status, p.Body)
		}
	}
	for _, q := range []url.Values{
		{"since": {"<b>yesterday"}}, {"chat": {"x"}}, {"document": {"1"}}, {"after": {"1.2"}}, {"update": {"99999999999999999999"}},
	} {
		if p := anna.Get(at + q.Encode()); p.Status != http.StatusUnprocessableEntity || strings.Contains(p.Body, "<b>yesterday") {
			t.Errorf("%v: %d %s", q, p.Status, p.Body)
		}
	}
	for _, q := range []url.Values{{"error": {"\x00\xff\u202e"}}, {"person": {"\x00"}}, {"request": {strings.Repeat("x", 5000)}}} {
		if p := anna.Get(at + q.Encode()); p.Status != http.StatusOK {
			t.Errorf("%q: %d", q, p.Status)
		}
	}
}

func TestWhatWasSentIsLeafedThrough(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	anna := h.inside(t, "anna")
	const all = 230
	for n := range all {
		h.trace(t, n+1, int64(n+1), fmt.Sprintf("entry %03d.", n))
	}
	seen := map[string]bool{}
	pages := 0
	for at := "/console/telegram?method=sendMessage"; at != ""; pages++ {
		p := anna.Get(h.web.URL + at)
		for _, m := range regexp.MustCompile(`entry \d+\.`).FindAllString(p.Body, -1) {
			seen[m] = true
		}
		at = ""
		if m := regexp.MustCompile(`href="(/console/telegram\?[^"]+)"`).FindStringSubmatch(p.Body); m != nil {
			at = strings.ReplaceAll(m[1], "&amp;", "&")
		}
	}
	if len(seen) != all || pages != 3 {
		t.Errorf("%d of %d on %d pages", len(seen), all, pages)
	}
}

// Nobody looks for somebody, or for a chat, without that being written down.
func TestNobodyHidesForWhomHeLooks(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	anna := h.inside(t, "anna")
	h.trace(t, 1, 7, "chat not found")
	long := strings.Repeat(" ", 300)
	for i, q := range []url.Values{
		{"person": {"petrov"}, "since": {long + "2h"}},
		{"person": {"petrov"}, "since": {strings.Repeat("0", 300) + "2h"}},
		{"person": {strings.Repeat("\x00", 300) + "petrov"}},
		{"person": {strings.Repeat("\xff", 300) + "petrov"}},
		{"person": {"petrov"}, "request": {"req_1" + long}, "method": {"sendMessage" + long}},
		{"chat": {"7"}, "update": {long + "9"}},
		{"chat": {strings.Repeat("0", 300) + "7"}},
		{"error": {"not found"}, "since": {strings.Repeat("0", 300) + "2h"}},
	} {
		p := anna.Get(h.web.URL + "/console/telegram?" + q.Encode())
		if p.Status != http.StatusOK || !strings.Contains(p.Body, "chat not found") {
			t.Errorf("%d: %d", i, p.Status)
			continue
		}
		var noted string
		must(t, h.Pool.QueryRow(t.Context(), `select detail from console_journal where what = 'looked' order by id desc limit 1`).Scan(&noted))
		if !strings.Contains(noted, "person petrov") && !strings.Contains(noted, "chat 7") && !strings.Contains(noted, "error not found") {
			t.Errorf("%d: it is written down as %q", i, noted)
		}
	}
}
