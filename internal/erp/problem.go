package erp

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"countersign/internal/approval"
	"countersign/internal/directory"
	"countersign/internal/file"
	"countersign/internal/hook"
	"countersign/internal/ledger"
	"countersign/internal/locale"
	"countersign/internal/server"
)

// fault is what is wrong with one field.
type fault struct {
	field string
	code  string
	hint  string // said after the text, the same in all languages
}

type faults []fault

func (f *faults) add(field, code, hint string) { *f = append(*f, fault{field, code, hint}) }

// problemError is an error that knows how it is told to the ERP.
type problemError struct {
	status int
	code   string
	text   string // key of the text where it is not that of the code
	hint   string // said after the text, the same in all languages
	faults faults
	more   int           // faults that are not listed
	retry  time.Duration // the same request may succeed after it
	cause  error
}

func (p *problemError) Error() string {
	if p.cause != nil {
		return p.code + ": " + p.cause.Error()
	}
	return p.code
}

// Unwrap gives what was behind it.
func (p *problemError) Unwrap() error { return p.cause }

func (p *problemError) retryable() bool { return p.retry > 0 }

// level is how loud a fault of the service is logged: what may pass by itself, less.
func (p *problemError) level() slog.Level {
	if p.retryable() {
		return slog.LevelWarn
	}
	return slog.LevelError
}

// said puts the problem into words.
func (p *problemError) said(lang locale.Lang) server.Problem {
	out := server.Problem{
		Status: p.status, Code: p.code, Message: words(lang, cmp.Or(p.text, p.code), p.hint),
		Retryable: p.retryable(), RetryAfter: p.retry, More: p.more,
	}
	told := 0
	for i, f := range p.faults {
		one := server.FieldError{Field: f.field, Code: f.code, Message: words(lang, f.code, f.hint)}
		if told += len(one.Field) + len(one.Code) + len(one.Message); told > mostTold {
			out.More += len(p.faults) - i
			break
		}
		out.Errors = append(out.Errors, one)
	}
	return out
}

// words gives the text of a code. A test sees to it that every code has one.
func words(lang locale.Lang, code, hint string) string {
	text := "The request was not accepted: " + code + "."
	if key := "problem." + code; lang.Has(key) {
		text = lang.T(key, nil)
	}
	if hint != "" {
		text += " (" + hint + ")"
	}
	return text
}

// langOf is the language that a request asks for.
func (d *Door) langOf(r *http.Request) locale.Lang {
	return d.Texts.Accept(r.Header.Get("Accept-Language"))
}

// Say puts into the language of a request what the server answers before any route is
// reached; it is for server.Front. What the server has said of another code stays.
func (d *Door) Say(r *http.Request, code string) string {
	switch code {
	case "bad_path", "internal", "method_not_allowed", "overloaded", "path_too_long", "too_many_headers":
		return words(d.langOf(r), code, "")
	case "not_found": // of a path, not of a thing
		return words(d.langOf(r), "no_path", "")
	default:
		return ""
	}
}

// known is one row of the table from errors to problems.
type known struct {
	err error
	is  problemError
}

// table is every refusal of the packages behind this door. The first that fits is told.
func table() []known {
	conflict := func(code string) problemError { return problemError{status: http.StatusConflict, code: code} }
	invalid := func(code string, f ...fault) problemError {
		return problemError{status: http.StatusUnprocessableEntity, code: code, faults: f}
	}
	later := func(code string, after time.Duration) problemError {
		return problemError{status: http.StatusServiceUnavailable, code: code, retry: after}
	}
	notFound := problemError{status: http.StatusNotFound, code: "not_found"}
	rows := []known{
		{errNotFound, notFound},

		{ledger.ErrUnknown, later("unknown_outcome", time.Second)},
		{ledger.ErrUnavailable, later("unavailable", 2*time.Second)},
		{ledger.ErrNotFound, notFound},
		{ledger.ErrStale, problemError{status: http.StatusPreconditionFailed, code: "precondition_failed"}},
		{ledger.ErrOldRevision, conflict("stale_revision")},
		{ledger.ErrTypeChanged, problemError{status: http.StatusConflict, code: "conflict", text: "type_changed", faults: faults{{field: "type", code: "conflict"}}}},

		{approval.ErrNoRoute, invalid("no_route", fault{field: "type", code: "no_route"})},
		{approval.ErrNotApproved, conflict("not_approved")},
		{approval.ErrRevision, conflict("revision_mismatch")},
		{approval.ErrConsumed, conflict("already_consumed")},
		{approval.ErrClosed, conflict("closed")},
		{approval.ErrStepClosed, conflict("closed")},
		{approval.ErrMovedOn, conflict("conflict")},
		{approval.ErrFilesMissing, conflict("files_missing")},
		{ledger.ErrSole, conflict("last_approver")},
		{approval.ErrReasonNeeded, invalid("reason_required", fault{field: "reason", code: "reason_required"})},
		{approval.ErrVerdict, invalid("invalid_field", fault{field: "verdict", code: "invalid_field"})},
		{approval.ErrEvent, problemError{status: http.StatusInternalServerError, code: "internal"}},

		{file.ErrNotFound, notFound},
		{file.ErrEmpty, invalid("empty_file")},
		{file.ErrTooLarge, problemError{status: http.StatusRequestEntityTooLarge, code: "too_large"}},
		{file.ErrDigest, invalid("digest_mismatch")},
		{file.ErrForbidden, invalid("forbidden_file")},
		{file.ErrPicture, invalid("picture_too_large")},
		{file.ErrFull, problemError{status: http.StatusInsufficientStorage, code: "storage_full", retry: time.Minute}},

		{hook.ErrNotFound, notFound},
		{hook.ErrStale, problemError{status: http.StatusPreconditionFailed, code: "precondition_failed"}},
		{hook.ErrEnded, problemError{status: http.StatusConflict, code: "closed", text: "webhook_ended"}},
		{hook.ErrTooMany, problemError{status: http.StatusConflict, code: "too_many", text: "too_many_webhooks"}},
		{hook.ErrTooOften, problemError{status: http.StatusTooManyRequests, code: "rate_limited", retry: time.Minute}},
		{hook.ErrBlocked, invalid("bad_address", fault{field: "url", code: "bad_address"})},

		{directory.ErrUnauthorized, problemError{status: http.StatusUnauthorized, code: "unauthorized"}},
		{directory.ErrUnknown, notFound},
		{directory.ErrInvalid, invalid("invalid_field")},
	}
	return slices.Concat(rows, peopleTable(), talkTable(), noticeTable(), meetingTable(), callTable())
}

// peopleTable is what is refused of people, and to them.
func peopleTable() []known {
	conflict := func(code string) problemError { return problemError{status: http.StatusConflict, code: code} }
	var rows []known
	for _, err := range []error{
		directory.ErrInactive, directory.ErrLinkedElsewhere, directory.ErrTaken, directory.ErrFrozen, directory.ErrOtherIdentity, directory.ErrNotWaiting, directory.ErrCircular,
		directory.ErrChanged, directory.ErrCode,
	} {
		rows = append(rows, known{err, conflict("conflict")})
	}
	for _, err := range []error{approval.ErrNotAsked, approval.ErrConflict, approval.ErrDelegation, approval.ErrInactive, approval.ErrAssurance, directory.ErrOwnLink, directory.ErrPowerless, ledger.ErrNoAccount} {
		rows = append(rows, known{err, problemError{status: http.StatusForbidden, code: "forbidden", text: "forbidden_person"}})
	}
	for _, err := range []error{directory.ErrTooMany, directory.ErrTries} {
		rows = append(rows, known{err, conflict("too_many")})
	}
	return rows
}

// talkTable is what is refused of questions and answers.
func talkTable() []known {
	return []known{
		{approval.ErrNoQuestion, problemError{status: http.StatusNotFound, code: "not_found"}},
		{approval.ErrAnswered, problemError{status: http.StatusConflict, code: "question_answered"}},
		{approval.ErrQuestionClosed, problemError{status: http.StatusConflict, code: "question_closed"}},
		{approval.ErrTooManyQuestions, problemError{status: http.StatusConflict, code: "too_many", text: "too_many_questions"}},
	}
}

// problemOf finds how an error is told. What is in no row is ours to mend: it says
// nothing of itself.
func problemOf(err error) *problemError {
	if p, ok := errors.AsType[*problemError](err); ok {
		return p
	}
	if voted, ok := errors.AsType[*approval.AlreadyVotedError](err); ok {
		return &problemError{status: http.StatusConflict, code: "conflict", cause: voted}
	}
	if wrong, ok := errors.AsType[*directory.ProblemsError](err); ok {
		return problemOfUsers(wrong)
	}
	if wrong, ok := errors.AsType[*hook.InvalidError](err); ok {
		return problemOfWebhook(wrong)
	}
	if gone, ok := errors.AsType[*hook.ExpiredError](err); ok {
		return problemOfExpired(gone)
	}
	for _, row := range table() {
		if errors.Is(err, row.err) {
			p := row.is
			p.cause = err
			return &p
		}
	}
	if away(err) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return &problemError{status: http.StatusServiceUnavailable, code: "unavailable", retry: 2 * time.Second, cause: err}
	}
	return &problemError{status: http.StatusInternalServerError, code: "internal", cause: err}
}

// problemOfUsers tells the fields of a person. The directory's own words quote what was
// sent; they are for the operator.
func problemOfUsers(wrong *directory.ProblemsError) *problemError {
	p := &problemError{status: http.StatusUnprocessableEntity, code: "invalid_field", cause: wrong}
	for _, one := range wrong.Problems {
		p.faults.add(one.Field, "invalid_field", "")
	}
	return p
}

// problemOfWebhook tells the fields of an endpoint.
func problemOfWebhook(wrong *hook.InvalidError) *problemError {
	p := &problemError{status: http.StatusUnprocessableEntity, code: "invalid_field", cause: wrong}
	codes := map[string]string{"required": "missing_field", "not_allowed": "bad_address", "out_of_range": "out_of_range"}
	names := map[string]string{"timeout": "timeout_seconds", "overlap": "overlap_seconds"}
	for _, f := range wrong.Fields {
		p.faults.add(cmp.Or(names[f.Field], f.Field), cmp.Or(codes[f.Code], "invalid_field"), "")
	}
	return p
}

// problemOfExpired tells from when on deliveries are kept.
func problemOfExpired(gone *hook.ExpiredError) *problemError {
	return &problemError{
		status: http.StatusGone, code: "cursor_expired", text: "deliveries_expired",
		hint: "from > " + gone.After.UTC().Format(time.RFC3339Nano), cause: gone,
	}
}
