package trueconftest

import "net/http"

// newFamily mounts version 4.
func (s *Server) newFamily(mux *http.ServeMux, at string) {
	mux.HandleFunc("GET "+at+"/server", s.at(About, s.about))
}

func (s *Server) about(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, object{"product": object{"display_name": s.o.Domain, "version": s.o.Version}})
}
