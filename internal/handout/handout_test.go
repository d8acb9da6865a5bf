package handout_test

import (
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/mux"
	"github.com/jackc/pgx/v5"

	"countersign/internal/directory"
	"countersign/internal/handout"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/locale/localetest"
)

// counter is a desk with its pages served.
type counter struct {
	*ledgertest.Bench

	desk *handout.Desk
	web  *httptest.Server
}

func newCounter(t *testing.T) counter {
	t.Helper()
	c := counter{Bench: ledgertest.New(t)}
	texts := localetest.Texts(t)
	c.bind(t, directory.Chat{ExternalID: "ops", TelegramID: -100, Title: "Operations"})
	c.bind(t, directory.Chat{ExternalID: "sales", TelegramID: -101, Title: "Sales"})
	c.desk = &handout.Desk{Store: &handout.Store{Pool: c.Pool}, Directory: c.Directory, Files: c.Files, Texts: texts, Zone: time.UTC, Log: slog.New(slog.DiscardHandler)}
	router := mux.NewRouter()
	must(t, c.desk.Mount(router))
	c.web = httptest.NewServer(router)
	t.Cleanup(c.web.Close)
	c.desk.PublicURL = c.web.URL
	return c
}

func (c counter) bind(t *testing.T, to directory.Chat) {
	t.Helper()
	_, _, err := c.Directory.PutChat(t.Context(), "test", to)
	must(t, err)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (c counter) offer(t *testing.T, name, content string) (handout.Offer, string) {
	t.Helper()
	meta, err := c.Files.Put(t.Context(), ledgertest.Source, "", strings.NewReader(content))
	must(t, err)
	o := handout.Offer{SHA256: meta.SHA256, Name: name, Case: "cas_1", Chat: -100}
	url, err := c.desk.Link(t.Context(), o)
	must(t, err)
	return o, url
}

// answer is what came back.
type answer struct {
	StatusCode    int
	Header        http.Header
	ContentLength int64
}

func (c counter) ask(t *testing.T, method, url string) (answer, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	must(t, err)
	req.Header.Set("Accept-Language", "de-AT;q=0.9, en")
	resp, err := c.web.Client().Do(req)
	must(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	must(t, err)
	return answer{resp.StatusCode, resp.Header, resp.ContentLength}, string(body)
}

func (c counter) downloads(t *testing.T) (n int) {
	t.Helper()
	must(t, c.Pool.QueryRow(t.Context(), `select coalesce(sum(downloads), 0) from file_link`).Scan(&n))
	return n
}

func TestLinkShowsAPageAndGivesTheFileToBeKept(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	for _, name := range []string{"Счёт №17 🧾.html", "حساب.pdf", strings.Repeat("名", 90) + ".pdf", `a"b\..\c.pdf` + "\r\nX: y", "plain.pdf"} {
		content := "<script>alert(1)</script> " + name + strings.Repeat("x", 3<<20)
		_, url := c.offer(t, name, content)
		before := c.downloads(t)
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodGet} {
			if resp, body := c.ask(t, method, url); resp.StatusCode != http.StatusOK || strings.Contains(body, "alert(1)") || resp.Header.Get("Cache-Control") != "no-store" ||
				!strings.Contains(resp.Header.Get("Content-Security-Policy"), "default-src 'none'") || method == http.MethodGet && !strings.Contains(body, "Herunterladen") {
				t.Fatalf("%s: %d %v %.300s", name, resp.StatusCode, resp.Header, body)
			}
		}
		if got := c.downloads(t); got != before {
			t.Errorf("%s: to look at the page counts as %d downloads", name, got-before)
		}
		resp, body := c.ask(t, http.MethodPost, url)
		kind, params, err := mime.ParseMediaType(resp.Header.Get("Content-Disposition"))
		if err != nil || kind != "attachment" || resp.Header.Get("X") != "" || resp.Header.Get("X-Content-Type-Options") != "nosniff" ||
			resp.Header.Get("Content-Type") != "application/octet-stream" || resp.ContentLength != int64(len(content)) || body != content {
			t.Errorf("%s: %v, %d bytes, %v", name, resp.Header, len(body), err)
		}
		if want := strings.NewReplacer("\r", "_", "\n", "_", "\\", "_", "/", "_").Replace(name); params["filename"] != want {
			t.Errorf("kept as %q, want %q", params["filename"], want)
		}
		if got := c.downloads(t); got != before+1 {
			t.Errorf("%s: counted %d downloads", name, got-before)
		}
	}
}

func TestLinkThatIsNoneOrNoMoreOpensNothing(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	o, revoked := c.offer(t, "a.pdf", "secret content")
	other := o
	other.Chat--
	kept, err := c.desk.Link(t.Context(), other)
	must(t, err)
	if given, err := c.desk.Store.Revoke(t.Context(), o); err != nil || !given {
		t.Errorf("revoked: %t, %v", given, err)
	}
	if given, err := c.desk.Store.Revoke(t.Context(), handout.Offer{SHA256: o.SHA256, Case: o.Case, Chat: 7}); err != nil || given {
		t.Errorf("a chat that never got one: %t, %v", given, err)
	}
	_, expired := c.offer(t, "b.pdf", "secret too")
	_, err = c.Pool.Exec(t.Context(), `update file_link set expires_at = now() where about = 'cas_1'`)
	if err == nil {
		t.Error("a link can be prolonged")
	}
	owner, err := pgx.Connect(t.Context(), c.OwnerURL)
	must(t, err)
	defer owner.Close(t.Context())
	_, err = owner.Exec(t.Context(), `alter table file_link disable trigger user`)
	must(t, err)
	_, err = owner.Exec(t.Context(), `update file_link set made_at = now() - interval '15 days', expires_at = now() - interval '1 second'
		where sha256 = (select sha256 from file_link order by made_at desc limit 1)`)
	must(t, err)
	for name, url := range map[string]string{
		"revoked": revoked, "expired": expired, "invented": c.web.URL + "/files/AAAAAAAAAAAAAAAAAAAAAAAAAA", "digest": c.web.URL + "/files/" + o.SHA256,
		"odd": c.web.URL + "/files/%00%ff",
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			if resp, body := c.ask(t, method, url); resp.StatusCode != http.StatusNotFound || strings.Contains(body, "secret") || strings.Contains(body, ".pdf") {
				t.Errorf("%s, %s: %d %s", name, method, resp.StatusCode, body)
			}
		}
	}
	if resp, body := c.ask(t, http.MethodPost, kept); resp.StatusCode != http.StatusOK || body != "secret content" {
		t.Errorf("another chat's link: %d", resp.StatusCode)
	}
	if n := c.downloads(t); n != 1 {
		t.Errorf("%d downloads counted", n)
	}
	must(t, c.desk.Store.Purge(t.Context(), time.Now()))
	var left int
	must(t, c.Pool.QueryRow(t.Context(), `select count(*) from file_link`).Scan(&left))
	if left != 2 {
		t.Errorf("%d links after the old ones were removed", left)
	}
}

// A link ends with the connection or the binding of whoever got it, and comes back with a
// binding, not with a connection: a telephone that was lost stays shut out.
func TestLinkIsGoodAsLongAsWhoeverGotItIsThere(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	meta, err := c.Files.Put(t.Context(), ledgertest.Source, "", strings.NewReader("the content"))
	must(t, err)
	give := func(chat int64, group string) string {
		url, err := c.desk.Link(t.Context(), handout.Offer{SHA256: meta.SHA256, Name: "a.pdf", Case: "ntc_1", Chat: chat, Group: group})
		must(t, err)
		return url
	}
	links := map[string]string{
		"of Anna": give(ledgertest.Requester, ""), "of Pyotr": give(ledgertest.Budget, ""), "of Olga": give(ledgertest.Finance, ""), "of Ivan": give(ledgertest.Treasurer, ""),
		"of Maria": give(ledgertest.Second, ""), "of a stranger": give(4242, ""), "of operations": give(-100, "ops"), "of sales": give(-101, "sales"),
	}
	open := func(when string, want ...string) {
		t.Helper()
		for name, url := range links {
			before := c.downloads(t)
			shown, page := c.ask(t, http.MethodGet, url)
			fetched, body := c.ask(t, http.MethodPost, url)
			good := slices.Contains(want, name)
			switch {
			case good && (shown.StatusCode != http.StatusOK || fetched.StatusCode != http.StatusOK || body != "the content"):
				t.Errorf("%s, the link %s: %d, %d", when, name, shown.StatusCode, fetched.StatusCode)
			case !good && (shown.StatusCode != http.StatusGone || fetched.StatusCode != http.StatusGone || strings.Contains(page+body, "a.pdf") || strings.Contains(body, "content<") ||
				body == "the content" || !strings.Contains(page, "nicht mehr verknüpft") || c.downloads(t) != before):
				t.Errorf("%s, the link %s: %d, %d\n%s", when, name, shown.StatusCode, fetched.StatusCode, page)
			}
		}
	}
	open("at first", "of Anna", "of Pyotr", "of Olga", "of Ivan", "of Maria", "of operations", "of sales")

	must(t, c.Directory.UnlinkUser(t.Context(), "test", "ivanova", "asked for it"))
	_, err = c.Directory.Freeze(t.Context(), "test", "petrov", "the telephone is lost")
	must(t, err)
	must(t, c.Directory.Deactivate(t.Context(), "test", "sidorova", "left"))
	c.Import(t, ledgertest.User("kozlov", "Ivan Kozlov", "treasurer", ledgertest.Requester)) // another telephone, once Anna's
	c.bind(t, directory.Chat{ExternalID: "sales", TelegramID: -101, Title: "Sales", Disabled: true})
	must(t, c.Directory.MigrateChat(t.Context(), -100, -1_000_000_000_100))
	open("unlinked, frozen, gone, moved, unbound", "of Maria", "of operations")

	c.bind(t, directory.Chat{ExternalID: "sales", TelegramID: -101, Title: "Sales"})
	c.Import(t, ledgertest.User("kozlov", "Ivan Kozlov", "treasurer", ledgertest.Treasurer))
	c.Import(t, ledgertest.User("ivanova", "Anna Ivanova", "requester", ledgertest.Requester))
	open("back again", "of Maria", "of operations", "of sales")
}

// Links from before it was noted whose they are belong to whoever has the chat.
func TestLinkFromBeforeEndsWithItsChatToo(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	_, url := c.offer(t, "a.pdf", "the content")
	o := handout.Offer{SHA256: strings.Repeat("0", 64), Chat: ledgertest.Budget}
	must(t, c.Pool.QueryRow(t.Context(), `select sha256 from file_link`).Scan(&o.SHA256))
	o.Name, o.Case = "a.pdf", "cas_1"
	persons, err := c.desk.Link(t.Context(), o)
	must(t, err)
	owner, err := pgx.Connect(t.Context(), c.OwnerURL)
	must(t, err)
	defer owner.Close(t.Context())
	for _, sql := range []string{`alter table file_link disable trigger user`, `update file_link set connection = null, chat = null`} {
		_, err = owner.Exec(t.Context(), sql)
		must(t, err)
	}
	status := func(url string) int { a, _ := c.ask(t, http.MethodPost, url); return a.StatusCode }
	if group, person := status(url), status(persons); group != http.StatusOK || person != http.StatusOK {
		t.Errorf("while they are there: %d, %d", group, person)
	}
	c.bind(t, directory.Chat{ExternalID: "ops", TelegramID: -100, Title: "Operations", Disabled: true})
	must(t, c.Directory.UnlinkUser(t.Context(), "test", "petrov", "asked for it"))
	if group, person := status(url), status(persons); group != http.StatusGone || person != http.StatusGone {
		t.Errorf("afterwards: %d, %d", group, person)
	}
}

func TestTokenIsNotKept(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	_, url := c.offer(t, "a.pdf", "x")
	token := url[strings.LastIndex(url, "/")+1:]
	var n int
	must(t, c.Pool.QueryRow(t.Context(), `select count(*) from file_link l where l::text ilike '%' || $1 || '%' or encode(hash, 'escape') ilike '%' || $1 || '%'`, token).Scan(&n))
	if n != 0 || len(token) < 26 {
		t.Errorf("%d rows hold the token %q", n, token)
	}
}
