package google

import (
	"fmt"
	"net/http"

	"github.com/gorilla/mux"
)

// Site answers Google when it checks whose domain this is. Either way is off when empty.
type Site struct {
	File string // its name under the root: google0123456789abcdef.html
	Meta string // the content of the meta tag of the page at the root
}

// Mount registers what is answered.
func (s Site) Mount(r *mux.Router) {
	if s.File != "" {
		r.HandleFunc("/"+s.File, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			fmt.Fprintf(w, "google-site-verification: %s", s.File)
		}).Methods(http.MethodGet)
	}
	if s.Meta != "" {
		r.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
			fmt.Fprintf(w, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"google-site-verification\" content=\"%s\"><title>Countersign</title></head><body></body></html>\n", s.Meta)
		}).Methods(http.MethodGet)
	}
}
