package erp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"countersign/internal/directory"
	"countersign/internal/document"
	"countersign/internal/file"
	"countersign/internal/ledger"
	"countersign/internal/server"
)

const (
	mostParts  = 50
	mostHeader = 4 << 10 // of a part, in bytes
)

// FileInput names a file of a document.
type FileInput struct {
	DocumentPath

	SHA256        string `path:"sha256" doc:"Digest of the content, 64 hex digits" example:"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
	Name          string `query:"name" doc:"Name of the file; on the document counts the one in its files" example:"invoice.pdf"`
	ContentDigest string `header:"Content-Digest" doc:"RFC 9530; checked when it is there" example:"sha-256=:n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=:"`
}

func (m *mounting) files() {
	parts := map[string]*huma.Schema{"multipart/form-data": {
		Type: "object", Description: "Each part with a file name is a file; the names of the parts do not matter.",
		Properties: map[string]*huma.Schema{"file": {Type: "array", Items: &huma.Schema{Type: "string", Format: "binary"}}},
	}}
	failures := []int{
		http.StatusNotFound, http.StatusConflict, http.StatusRequestTimeout, http.StatusRequestEntityTooLarge,
		http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity, http.StatusInsufficientStorage,
	}
	put := operation{
		id: "put-file", method: http.MethodPut, path: documentPath + "/files/{sha256}", tag: tagFiles,
		summary: "Send the content of a file as the raw body", text: fileText,
		endpoint: endpoint{scope: directory.DocumentsWrite}, media: rawBody(), success: only[FileAnswer](http.StatusOK), errors: failures,
	}
	add(m, put, m.door.putFile)
	also(m, put, http.MethodPost, put.path, m.door.putFile)
	add(m, operation{
		id: "get-file", method: http.MethodGet, path: put.path, tag: tagFiles,
		summary: "Read the content of a file", text: fetchText,
		endpoint: endpoint{scope: directory.DocumentsRead}, binary: true, success: only[string](http.StatusOK), errors: []int{http.StatusNotFound},
	}, m.door.fetch)
	add(m, operation{
		id: "post-files", method: http.MethodPost, path: documentPath + "/files", tag: tagFiles,
		summary: "Send several files as multipart/form-data", text: filesText,
		endpoint: endpoint{scope: directory.DocumentsWrite}, media: parts, success: only[FilesAnswer](http.StatusOK), errors: failures,
	}, m.door.postFiles)
}

// rawBody is a content as it is.
func rawBody() map[string]*huma.Schema {
	return map[string]*huma.Schema{"application/octet-stream": {Type: "string", Format: "binary"}}
}

// upload lets a file in. The document must be there before anything is read.
func (d *Door) upload(c *call, p DocumentPath) (leave func(), err error) {
	if compressed(c.r.Header) {
		return nil, errMediaType()
	}
	if c.r.ContentLength > d.Files.Max+multipartRoom {
		return nil, &problemError{status: http.StatusRequestEntityTooLarge, code: "too_large"}
	}
	if _, err := d.find(c, p); err != nil {
		return nil, err
	}
	return d.place(c)
}

func (d *Door) putFile(c *call, in *FileInput) (answer, error) {
	digest := strings.ToLower(in.SHA256)
	if !file.IsDigest(digest) {
		p := &problemError{status: http.StatusUnprocessableEntity, code: "invalid_field"}
		p.faults.add("sha256", "invalid_field", "")
		return answer{}, p
	}
	leave, err := d.upload(c, in.DocumentPath)
	if err != nil {
		return answer{}, err
	}
	defer leave()
	content, err := c.read(d.Files.Max)
	if err != nil {
		return answer{}, err
	}
	stored, st, err := d.arrive(c.ctx(), in.key(), digest, content)
	if err != nil {
		return answer{}, err
	}
	stored.Name = safeName(in.Name)
	return answer{status: http.StatusOK, body: FileAnswer{File: stored, Missing: st.Case.Missing, RequestID: server.RequestID(c.ctx())}}, nil
}

// arrive stores a content and tells the case that waits for it.
func (d *Door) arrive(ctx context.Context, k document.Key, digest string, content []byte) (Stored, ledger.Status, error) {
	meta, err := d.Files.Put(ctx, k.Source, digest, bytes.NewReader(content))
	if err != nil {
		return Stored{}, ledger.Status{}, err
	}
	st, err := d.Ledger.FileArrived(ctx, k, meta.SHA256)
	announced := slices.ContainsFunc(st.Document.Files, func(f document.File) bool { return f.SHA256 == meta.SHA256 })
	return Stored{SHA256: meta.SHA256, Size: meta.Size, MediaType: meta.MediaType, Announced: announced}, st, err
}

// multipartRoom is what the wrapping of multipart may add to the files.
const multipartRoom = 256 << 10

func (d *Door) postFiles(c *call, in *DocumentPath) (answer, error) {
	media, params, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || media != "multipart/form-data" {
		return answer{}, errMediaType()
	}
	if params["boundary"] == "" {
		return answer{}, &problemError{status: http.StatusBadRequest, code: "missing_boundary"}
	}
	leave, err := d.upload(c, *in)
	if err != nil {
		return answer{}, err
	}
	defer leave()
	body := http.MaxBytesReader(c.w, c.r.Body, d.Files.Max+multipartRoom)
	reader := multipart.NewReader(body, params["boundary"])
	out := FilesAnswer{RequestID: server.RequestID(c.ctx())}
	for {
		part, err := nextPart(reader, len(out.Files))
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return answer{}, err
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return answer{}, multipartError(err)
		}
		if err := checkDigest(http.Header(part.Header), content); err != nil {
			return answer{}, err
		}
		stored, st, err := d.arrive(c.ctx(), in.key(), "", content)
		if err != nil {
			return answer{}, err
		}
		stored.Name = safeName(part.FileName())
		out.Files, out.Missing = append(out.Files, stored), st.Case.Missing
	}
	if len(out.Files) == 0 {
		return answer{}, &problemError{status: http.StatusUnprocessableEntity, code: "empty_file"}
	}
	return answer{status: http.StatusOK, body: out}, nil
}

// nextPart gives the next file; io.EOF says that there is none.
func nextPart(reader *multipart.Reader, had int) (*multipart.Part, error) {
	part, err := reader.NextRawPart()
	switch {
	case errors.Is(err, io.EOF):
		return nil, io.EOF
	case err != nil:
		return nil, multipartError(err)
	case had == mostParts:
		return nil, &problemError{status: http.StatusBadRequest, code: "too_many"}
	case headerBytes(part) > mostHeader || part.FileName() == "":
		return nil, &problemError{status: http.StatusBadRequest, code: "missing_boundary", hint: `Content-Disposition: form-data; name="file"; filename="…"`}
	}
	return part, nil
}

func headerBytes(part *multipart.Part) int {
	n := 0
	for name, values := range part.Header {
		n += len(name)
		for _, v := range values {
			n += len(v)
		}
	}
	return n
}

// multipartError is a body that is no multipart, or ended early.
func multipartError(err error) error {
	p := problemOf(readError(err))
	if p.code == "incomplete_body" {
		p.code = "missing_boundary"
	}
	return p
}
