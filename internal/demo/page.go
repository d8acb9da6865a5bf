package demo

import (
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"mime"
	"net/http"
	"net/netip"
	"strings"

	"golang.org/x/text/language"

	"countersign/web"
)

// texts are the words of the page in one language, by key.
type texts map[string]string

// shell is what the page is made from before its script fills it.
type shell struct {
	Lang  string
	Langs []string
	T     texts
	Cast  []Actor
	Group group
	Setup string // for the script, as JSON
}

type group struct {
	ID    int64
	Title string
}

// handler is the page with its calls.
func (s *stage) handler() (http.Handler, error) {
	files := web.Demo()
	page, err := template.ParseFS(files, "index.html")
	if err != nil {
		return nil, err
	}
	words := map[string]texts{}
	for _, lang := range languages() {
		if words[lang], err = readTexts(files, lang+".json"); err != nil {
			return nil, err
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { s.servePage(w, r, page, words) })
	mux.Handle("GET /demo/", http.StripPrefix("/demo/", http.FileServerFS(files)))
	s.mountCalls(mux)
	return guard(http.NewCrossOriginProtection().Handler(mux)), nil
}

func languages() []string { return []string{"en", "ru"} }

func readTexts(files fs.FS, name string) (texts, error) {
	text, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, err
	}
	var t texts
	if err := json.Unmarshal(text, &t); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return t, nil
}

func (s *stage) servePage(w http.ResponseWriter, r *http.Request, page *template.Template, words map[string]texts) {
	lang := s.langOf(r)
	sh := shell{Lang: lang, Langs: languages(), T: words[lang], Cast: s.cast, Group: group{ID: groupID, Title: s.groupTitle()}}
	setup, err := json.Marshal(map[string]any{
		"lang": lang, "texts": sh.T, "cast": s.cast, "group": map[string]any{"id": sh.Group.ID, "title": sh.Group.Title}, "bot": botName,
	})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	sh.Setup = string(setup)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := page.Execute(w, sh); err != nil {
		s.Log.WarnContext(r.Context(), "page of the demonstration not written", "error", err)
	}
}

// langOf is the language asked for: by the address, else by the browser.
func (s *stage) langOf(r *http.Request) string {
	asked := r.URL.Query().Get("lang")
	for _, l := range languages() {
		if l == asked {
			return l
		}
	}
	tags, _, err := language.ParseAcceptLanguage(r.Header.Get("Accept-Language"))
	if err != nil || len(tags) == 0 {
		return languages()[0]
	}
	_, i, _ := language.NewMatcher([]language.Tag{language.English, language.Russian}).Match(tags...)
	return languages()[i]
}

// guard lets in only requests that were meant for this machine, whatever name a browser
// was led here by, and says what the page may do.
func guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
			host = host[:i]
		}
		ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
		if host != "localhost" && (err != nil || !ip.IsLoopback()) {
			http.Error(w, "the demonstration answers to 127.0.0.1 and localhost only", http.StatusMisdirectedRequest)
			return
		}
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// attachment is the header under which a file is saved, not shown.
func attachment(name string) string {
	if text := mime.FormatMediaType("attachment", map[string]string{"filename": name}); text != "" {
		return text
	}
	return "attachment"
}
