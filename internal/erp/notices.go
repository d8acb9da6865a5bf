package erp

import (
	"bytes"
	"context"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"countersign/internal/directory"
	"countersign/internal/file"
	"countersign/internal/ident"
	"countersign/internal/ledger"
	"countersign/internal/notice"
	"countersign/internal/server"
)

const (
	noticesPath    = "/v1/notices"
	noticePath     = noticesPath + "/{id}"
	noticeFilePath = noticesPath + "/files/{sha256}"

	mostSequence = 1<<53 - 1
)

// NoticesInput is a request for a new notice.
type NoticesInput struct {
	IdempotencyKey string `header:"Idempotency-Key" required:"true" doc:"8 to 255 printable ASCII characters without spaces, new for each notice: the same request again tells nobody twice" example:"statement-2026-06-20"`
}

// NoticeInput names a notice.
type NoticeInput struct {
	ID string `path:"id" example:"ntc_06f1z2k3m4n5p6q7r8s9t0v1w2"`
}

// NoticeFileInput names a content.
type NoticeFileInput struct {
	SHA256        string `path:"sha256" doc:"Digest of the content, 64 hex digits" example:"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
	ContentDigest string `header:"Content-Digest" doc:"RFC 9530; checked when it is there" example:"sha-256=:n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=:"`
}

func (m *mounting) notices() {
	add(m, operation{
		id: "post-notice", method: http.MethodPost, path: noticesPath, tag: tagNotices,
		summary: "Tell people and groups something", text: noticeText,
		endpoint: endpoint{scope: directory.NoticesWrite, limit: DocumentLimit, repeat: repeatNeeded}, body: reflect.TypeFor[NoticeBody](),
		success: only[NoticeAnswer](http.StatusCreated), errors: []int{http.StatusConflict, http.StatusInsufficientStorage},
	}, m.door.postNotice)
	add(m, operation{
		id: "get-notice", method: http.MethodGet, path: noticePath, tag: tagNotices,
		summary: "Read how far a notice has come", text: "At each recipient: waiting, sent, failed, expired or unlinked. Notices are kept as long as deliveries of events.",
		endpoint: endpoint{scope: directory.NoticesWrite}, success: only[NoticeAnswer](http.StatusOK), errors: []int{http.StatusNotFound},
	}, m.door.getNotice)
	change := operation{
		id: "change-notice", method: http.MethodPut, path: noticePath, tag: tagNotices,
		summary: "Change a progress, or end it", text: noticeChangeText,
		endpoint: sending(directory.NoticesWrite, repeatNatural), body: reflect.TypeFor[NoticeChange](),
		success: only[NoticeAnswer](http.StatusOK), errors: []int{http.StatusNotFound, http.StatusConflict},
	}
	add(m, change, m.door.changeNotice)
	also(m, change, http.MethodPost, noticePath, m.door.changeNotice)
	put := operation{
		id: "put-notice-file", method: http.MethodPut, path: noticeFilePath, tag: tagNotices,
		summary: "Send the content of a file as the raw body", text: noticeFileText,
		endpoint: endpoint{scope: directory.NoticesWrite}, media: rawBody(), success: only[KeptFile](http.StatusOK),
		errors: []int{
			http.StatusRequestTimeout, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity, http.StatusInsufficientStorage,
		},
	}
	add(m, put, m.door.putNoticeFile)
	also(m, put, http.MethodPost, noticeFilePath, m.door.putNoticeFile)
}

// postNotice tells something. The whole answer is kept in the transaction of the notice, so
// that whatever dies after it, the same request again gets the same id and tells nobody.
func (d *Door) postNotice(c *call, _ *NoticesInput) (answer, error) {
	p, err := d.readNotice(c)
	if err != nil {
		return answer{}, err
	}
	if err := d.keepFiles(c.ctx(), c.key.Source, &p); err != nil {
		return answer{}, err
	}
	var told []byte
	err = d.Notices.Publish(c.ctx(), p.notice, func(t notice.Told) (ledger.Also, error) {
		out := c.noticeAnswer(t)
		out.Normalized = p.taken.kept
		var err error
		told, err = marshal(out)
		return c.once.settled(http.StatusCreated, told), err
	})
	return answer{status: http.StatusCreated, raw: told, settled: true}, err
}

// keepFiles stores the contents that came with a notice.
func (d *Door) keepFiles(ctx context.Context, source string, p *told) error {
	for i, content := range p.contents {
		if content == nil {
			continue
		}
		f := &p.notice.Body.Files[i]
		meta, err := d.Files.Put(ctx, source, f.SHA256, bytes.NewReader(content))
		if err != nil {
			at := problemOf(err)
			if at.status < http.StatusInternalServerError {
				at.faults.add("files["+strconv.Itoa(i)+"].content_base64", at.code, "")
			}
			return at
		}
		f.Size = meta.Size
	}
	return nil
}

func (d *Door) getNotice(c *call, in *NoticeInput) (answer, error) {
	return d.showNotice(c, in.ID, nil)
}

func (d *Door) showNotice(c *call, id string, changed *bool) (answer, error) {
	if !ident.Valid("ntc", id) {
		return answer{}, errNotFound
	}
	t, err := d.Notices.Store.Told(c.ctx(), c.key.Source, id)
	if err != nil {
		return answer{}, err
	}
	out := c.noticeAnswer(t)
	out.Changed = changed
	return answer{status: http.StatusOK, body: out}, nil
}

func (d *Door) changeNotice(c *call, in *NoticeInput) (answer, error) {
	no, change, err := readNoticeChange(c.body)
	if err != nil {
		return answer{}, err
	}
	if !ident.Valid("ntc", in.ID) {
		return answer{}, errNotFound
	}
	changed, err := d.Notices.Store.Change(c.ctx(), c.key.Source, in.ID, no, change)
	if err != nil {
		return answer{}, err
	}
	return d.showNotice(c, in.ID, &changed)
}

func (d *Door) putNoticeFile(c *call, in *NoticeFileInput) (answer, error) {
	digest := strings.ToLower(in.SHA256)
	if !file.IsDigest(digest) {
		p := &problemError{status: http.StatusUnprocessableEntity, code: "invalid_field"}
		p.faults.add("sha256", "invalid_field", "")
		return answer{}, p
	}
	if compressed(c.r.Header) {
		return answer{}, errMediaType()
	}
	leave, err := d.place(c)
	if err != nil {
		return answer{}, err
	}
	defer leave()
	content, err := c.read(d.Files.Max)
	if err != nil {
		return answer{}, err
	}
	meta, err := d.Files.Put(c.ctx(), c.key.Source, digest, bytes.NewReader(content))
	return answer{status: http.StatusOK, body: KeptFile{SHA256: meta.SHA256, Size: meta.Size, MediaType: meta.MediaType, RequestID: server.RequestID(c.ctx())}}, err
}

// noticeAnswer tells a notice in the language of the request.
func (c *call) noticeAnswer(t notice.Told) NoticeAnswer {
	b := t.Body
	out := NoticeAnswer{
		ID: t.ID, Kind: string(t.Class), Title: b.Title, Text: b.Text, Document: b.About, State: stateOf(b.State), Sequence: t.Sequence,
		CreatedAt: t.CreatedAt.UTC(), ExpiresAt: t.ExpiresAt.UTC(), Recipients: []NoticeRecipient{}, RequestID: server.RequestID(c.ctx()),
	}
	if b.State != "" && b.Total > 0 {
		out.Percent = &b.Done
	}
	for _, r := range t.To {
		one := NoticeRecipient{
			Kind: r.Kind, ExternalID: r.ID, State: string(r.State), Reason: string(r.Why), Why: c.why(r.Why), FilesSent: r.FilesSent, FilesWaiting: r.FilesWaiting,
		}
		if !r.SentAt.IsZero() {
			one.SentAt = &r.SentAt
		}
		for _, why := range r.FilesLost {
			one.FilesFailed = append(one.FilesFailed, Lost{Reason: string(why), Why: c.why(why)})
		}
		out.Recipients = append(out.Recipients, one)
	}
	return out
}

func (c *call) why(w notice.Why) string {
	if w == "" {
		return ""
	}
	return c.lang.T("notice.why."+string(w), nil)
}

func stateOf(s notice.State) string {
	if s == notice.Finished {
		return "done"
	}
	return string(s)
}

// noticeTable is what is refused of a change.
func noticeTable() []known {
	conflict := func(code, text string) problemError {
		return problemError{status: http.StatusConflict, code: code, text: text}
	}
	return []known{
		{notice.ErrUnknown, problemError{status: http.StatusNotFound, code: "not_found"}},
		{notice.ErrLate, conflict("stale_sequence", "")},
		{notice.ErrOver, conflict("closed", "progress_over")},
		{notice.ErrFixed, conflict("conflict", "not_progress")},
		{notice.ErrInvalid, problemError{status: http.StatusUnprocessableEntity, code: "invalid_field"}},
	}
}
