package erp

import (
	"context"
	"time"

	"countersign/internal/document"
	"countersign/internal/locale"
	"countersign/internal/notice"
	"countersign/internal/server"
)

// ReadDocument reads the body of a PUT as the door does.
func ReadDocument(body []byte) (document.Document, []Normalized, error) {
	p, err := readDocument(&call{body: body})
	return p.document, p.taken.kept, err
}

// ProblemOf tells an error as the door does.
func ProblemOf(err error, lang locale.Lang) server.Problem { return problemOf(err).said(lang) }

// BodyProblem tells why a body could not be read, as the door does.
func BodyProblem(err error, lang locale.Lang) server.Problem {
	return problemOf(readError(err)).said(lang)
}

// SafeName gives the name under which a file is shown.
func SafeName(sent string) string { return safeName(sent) }

// TakeKey claims an idempotency key as a request does that never ends.
func (d *Door) TakeKey(ctx context.Context, source, key string, request []byte) error {
	_, err := d.keys.take(ctx, newClaim(source, key), request)
	return err
}

// Words are those of a code.
func Words(lang locale.Lang, code string) string { return words(lang, code, "") }

// ReadNotice reads the body of a notice as the door does, without looking up whom it names.
func ReadNotice(body []byte) (notice.New, error) {
	in := &intake{}
	o, err := in.open(body)
	if err != nil {
		return notice.New{}, err
	}
	p, to := o.notice(time.Date(2026, 6, 15, 9, 0, 0, 0, time.UTC))
	o.done()
	for range to.people {
		p.notice.To.People = append(p.notice.To.People, "per_x")
	}
	return p.notice, in.err("")
}

// ReadNoticeChange reads the body of a change, and does it to a notice.
func ReadNoticeChange(body []byte) (notice.New, error) {
	_, change, err := readNoticeChange(body)
	n := notice.New{Class: notice.Progress, To: notice.To{Chats: []string{"x"}}, Body: notice.Body{Text: "x", State: notice.Running}}
	if err == nil {
		change(&n.Body)
	}
	return n, err
}

// NoticeFault tells what package notice would refuse of a notice that was read.
func NoticeFault(n notice.New) string { return n.Fault() }
