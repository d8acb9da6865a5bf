package google_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gorilla/mux"

	"countersign/internal/google"
)

func TestGoogleFindsThatTheDomainIsOurs(t *testing.T) {
	t.Parallel()
	const file, tag = "google0123456789abcdef.html", "rXOxyZounnZasA8Z7oaD3c14JdjS9aKSWvsR1EbUSIQ"
	for path, c := range map[string]struct {
		site   google.Site
		status int
		holds  string
	}{
		"/" + file:                 {google.Site{File: file}, http.StatusOK, "google-site-verification: " + file},
		"/":                        {google.Site{Meta: tag}, http.StatusOK, `<meta name="google-site-verification" content="` + tag + `">`},
		"/googleffffffffffff.html": {google.Site{File: file, Meta: tag}, http.StatusNotFound, ""},
		"/?":                       {google.Site{File: file}, http.StatusNotFound, ""},
	} {
		r := mux.NewRouter()
		c.site.Mount(r)
		w := httptest.NewRecorder()
		r.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.holds) {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}
