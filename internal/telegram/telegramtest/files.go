package telegramtest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
)

// file is a stored file. Its id belongs to this bot and to its type.
type file struct {
	id, unique string
	kind       string
	name, mime string
	data       []byte
}

// document finds the file of sendDocument: uploaded, attached, or stored already.
func (s *Server) document(c *call) (*Document, *refusal) {
	return s.given(c, "document", c.params["document"])
}

// given finds a file by a parameter and what it says.
func (s *Server) given(c *call, param, given string) (*Document, *refusal) {
	up, uploaded := c.files[param]
	if name, attached := strings.CutPrefix(given, "attach://"); attached {
		up, uploaded = c.files[name]
	}
	switch {
	case uploaded && len(up.data) == 0:
		return nil, bad("file must be non-empty")
	case uploaded:
		return s.store("document", up).document(), nil
	case given == "":
		return nil, bad("there is no document in the request")
	case strings.HasPrefix(given, "http://"), strings.HasPrefix(given, "https://"):
		return nil, bad("failed to get HTTP URL content")
	}
	f := s.files[given]
	if f == nil {
		return nil, bad("wrong file identifier/HTTP URL specified")
	}
	if f.kind != "document" {
		return nil, bad("can't use file of type " + capital(f.kind) + " as Document")
	}
	return f.document(), nil
}

func (f *file) document() *Document {
	return &Document{FileID: f.id, Name: f.name, MIME: f.mime, Size: int64(len(f.data))}
}

func (s *Server) store(kind string, up upload) *file {
	s.last.file++
	sum := sha256.Sum256(up.data)
	f := &file{
		id:     "BQACAgIAAx" + base64.RawURLEncoding.EncodeToString([]byte(itoa(s.botID)+"/"+kind+"/"+itoa(s.last.file))),
		unique: hex.EncodeToString(sum[:8]), kind: kind, name: up.name, mime: up.mime, data: up.data,
	}
	s.files[f.id] = f
	return f
}

// StoreFile puts a file of a type, "photo" for instance, into the store and returns its id.
func (s *Server) StoreFile(kind, name string, data []byte) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.store(kind, upload{name: name, mime: "application/octet-stream", data: slices.Clone(data)}).id
}

// FileBytes returns a stored file.
func (s *Server) FileBytes(fileID string) ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.files[fileID]
	if f == nil {
		return nil, false
	}
	return slices.Clone(f.data), true
}

func (s *Server) getFile(c *call) (any, *refusal) {
	f := s.files[c.params["file_id"]]
	switch {
	case f == nil:
		return nil, bad("wrong file_id or the file is temporarily unavailable")
	case len(f.data) > 20<<20:
		return nil, bad("file is too big")
	}
	return map[string]any{"file_id": f.id, "file_unique_id": f.unique, "file_size": len(f.data), "file_path": "documents/" + f.id}, nil
}

func (s *Server) download(w http.ResponseWriter, path string) {
	data, found := s.FileBytes(strings.TrimPrefix(path, "documents/"))
	if !found {
		s.refuse(w, &refusal{code: http.StatusNotFound, text: "Not Found"})
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = w.Write(data)
}
