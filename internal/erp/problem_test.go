package erp_test

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign/internal/approval"
	"countersign/internal/directory"
	"countersign/internal/erp"
	"countersign/internal/file"
	"countersign/internal/hook"
	"countersign/internal/ledger"
	"countersign/internal/locale/localetest"
)

// outcome is how an error is told.
type outcome struct {
	err       error
	status    int
	code      string
	retryable bool
}

func outcomes() map[string]outcome {
	return map[string]outcome{
		"ledger.ErrNotFound": {ledger.ErrNotFound, 404, "not_found", false}, "ledger.ErrUnknown": {ledger.ErrUnknown, 503, "unknown_outcome", true},
		"ledger.ErrStale": {ledger.ErrStale, 412, "precondition_failed", false}, "ledger.ErrOldRevision": {ledger.ErrOldRevision, 409, "stale_revision", false},
		"ledger.ErrTypeChanged": {ledger.ErrTypeChanged, 409, "conflict", false}, "ledger.ErrUnavailable": {ledger.ErrUnavailable, 503, "unavailable", true},
		"approval.ErrClosed": {approval.ErrClosed, 409, "closed", false}, "approval.ErrMovedOn": {approval.ErrMovedOn, 409, "conflict", false},
		"approval.ErrNotAsked": {approval.ErrNotAsked, 403, "forbidden", false}, "approval.ErrStepClosed": {approval.ErrStepClosed, 409, "closed", false},
		"approval.ErrDelegation": {approval.ErrDelegation, 403, "forbidden", false},
		"directory.ErrCircular":  {directory.ErrCircular, 409, "conflict", false}, "directory.ErrPowerless": {directory.ErrPowerless, 403, "forbidden", false},
		"approval.ErrConflict": {approval.ErrConflict, 403, "forbidden", false}, "approval.ErrInactive": {approval.ErrInactive, 403, "forbidden", false},
		"approval.ErrReasonNeeded": {approval.ErrReasonNeeded, 422, "reason_required", false}, "approval.ErrFilesMissing": {approval.ErrFilesMissing, 409, "files_missing", false},
		"approval.ErrVerdict": {approval.ErrVerdict, 422, "invalid_field", false}, "approval.ErrNoRoute": {approval.ErrNoRoute, 422, "no_route", false},
		"approval.ErrNotApproved": {approval.ErrNotApproved, 409, "not_approved", false}, "approval.ErrRevision": {approval.ErrRevision, 409, "revision_mismatch", false},
		"approval.ErrConsumed": {approval.ErrConsumed, 409, "already_consumed", false}, "approval.ErrEvent": {approval.ErrEvent, 500, "internal", false},
		"file.ErrEmpty": {file.ErrEmpty, 422, "empty_file", false}, "file.ErrTooLarge": {file.ErrTooLarge, 413, "too_large", false}, "file.ErrDigest": {file.ErrDigest, 422, "digest_mismatch", false},
		"file.ErrForbidden": {file.ErrForbidden, 422, "forbidden_file", false}, "file.ErrPicture": {file.ErrPicture, 422, "picture_too_large", false},
		"file.ErrNotFound": {file.ErrNotFound, 404, "not_found", false}, "file.ErrFull": {file.ErrFull, 507, "storage_full", true},
		"directory.ErrUnknown": {directory.ErrUnknown, 404, "not_found", false}, "directory.ErrInvalid": {directory.ErrInvalid, 422, "invalid_field", false},
		"directory.ErrInactive": {directory.ErrInactive, 409, "conflict", false}, "directory.ErrLinkedElsewhere": {directory.ErrLinkedElsewhere, 409, "conflict", false},
		"directory.ErrTaken": {directory.ErrTaken, 409, "conflict", false}, "directory.ErrUnauthorized": {directory.ErrUnauthorized, 401, "unauthorized", false},
		"directory.ErrFrozen": {directory.ErrFrozen, 409, "conflict", false}, "directory.ErrOtherIdentity": {directory.ErrOtherIdentity, 409, "conflict", false},
		"directory.ErrChanged": {directory.ErrChanged, 409, "conflict", false}, "directory.ErrCode": {directory.ErrCode, 409, "conflict", false},
		"directory.ErrTooMany": {directory.ErrTooMany, 409, "too_many", false}, "directory.ErrTries": {directory.ErrTries, 409, "too_many", false},
		"directory.ErrNotWaiting": {directory.ErrNotWaiting, 409, "conflict", false}, "directory.ErrOwnLink": {directory.ErrOwnLink, 403, "forbidden", false},
		"approval.ErrAssurance":  {approval.ErrAssurance, 403, "forbidden", false},
		"approval.ErrNoQuestion": {approval.ErrNoQuestion, 404, "not_found", false}, "approval.ErrAnswered": {approval.ErrAnswered, 409, "question_answered", false},
		"approval.ErrQuestionClosed": {approval.ErrQuestionClosed, 409, "question_closed", false}, "approval.ErrTooManyQuestions": {approval.ErrTooManyQuestions, 409, "too_many", false},
		"ledger.ErrUnseen": {ledger.ErrUnseen, 404, "not_found", false}, "ledger.ErrNoAccount": {ledger.ErrNoAccount, 403, "forbidden", false},
		"ledger.ErrSole":   {ledger.ErrSole, 409, "last_approver", false},
		"hook.ErrNotFound": {hook.ErrNotFound, 404, "not_found", false}, "hook.ErrStale": {hook.ErrStale, 412, "precondition_failed", false}, "hook.ErrEnded": {hook.ErrEnded, 409, "closed", false},
		"hook.ErrTooMany": {hook.ErrTooMany, 409, "too_many", false}, "hook.ErrTooOften": {hook.ErrTooOften, 429, "rate_limited", true}, "hook.ErrBlocked": {hook.ErrBlocked, 422, "bad_address", false},
		"hook.ErrUnavailable": {hook.ErrUnavailable, 503, "unavailable", true},
	}
}

// sentinels lists the errors that a package exports, by reading it.
func sentinels(t *testing.T, pkg string) []string {
	t.Helper()
	files, err := filepath.Glob("../" + pkg + "/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %v", pkg, err)
	}
	var out []string
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range tree.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.VAR {
				continue
			}
			for _, s := range g.Specs {
				for _, n := range s.(*ast.ValueSpec).Names {
					if strings.HasPrefix(n.Name, "Err") {
						out = append(out, pkg+"."+n.Name)
					}
				}
			}
		}
	}
	return out
}

func TestEveryErrorIsAProblem(t *testing.T) {
	t.Parallel()
	lang := localetest.Texts(t).For("en")
	all := outcomes()
	n := 0
	for _, pkg := range []string{"ledger", "approval", "file", "directory", "hook"} {
		for _, name := range sentinels(t, pkg) {
			n++
			want, ok := all[name]
			if !ok {
				t.Errorf("%s is told in no way that anybody thought of", name)
				continue
			}
			p := erp.ProblemOf(fmt.Errorf("act on doc_1 with secret hunter2: %w", want.err), lang)
			if p.Status != want.status || p.Code != want.code || p.Retryable != want.retryable || (p.RetryAfter > 0) != want.retryable {
				t.Errorf("%s is told as %d %s, retryable %v", name, p.Status, p.Code, p.Retryable)
			}
			if p.Message == "" || strings.Contains(p.Message, "hunter2") || strings.Contains(p.Message, "The request was not accepted") {
				t.Errorf("%s says %q", name, p.Message)
			}
		}
	}
	if n != len(all) {
		t.Errorf("%d errors are there, %d in the table", n, len(all))
	}
}

func TestOtherErrorsAreProblemsToo(t *testing.T) {
	t.Parallel()
	lang := localetest.Texts(t).For("en")
	for _, c := range []outcome{
		{&approval.AlreadyVotedError{Vote: approval.Vote{At: time.Unix(0, 0)}}, 409, "conflict", false},
		{&directory.ProblemsError{Problems: []directory.Problem{{Field: "email", Text: "hunter2"}}}, 422, "invalid_field", false},
		{&hook.InvalidError{Fields: []hook.FieldError{{Field: "timeout", Code: "out_of_range", Message: "hunter2"}}}, 422, "invalid_field", false},
		{context.Canceled, 503, "unavailable", true},
		{context.DeadlineExceeded, 503, "unavailable", true},
		{errors.New("disk hunter2 burnt"), 500, "internal", false},
		{fmt.Errorf("%w: %w", ledger.ErrUnknown, context.DeadlineExceeded), 503, "unknown_outcome", true},
	} {
		p := erp.ProblemOf(fmt.Errorf("act: %w", c.err), lang)
		text := fmt.Sprintf("%+v", p)
		if p.Status != c.status || p.Code != c.code || p.Retryable != c.retryable || strings.Contains(text, "hunter2") {
			t.Errorf("%v is told as %s", c.err, text)
		}
	}
}

// codes collects the codes that a file gives to problems and fields.
func codes(t *testing.T, name string) []string {
	t.Helper()
	tree, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	take := func(e ast.Expr) {
		if lit, ok := e.(*ast.BasicLit); ok && lit.Kind == token.STRING && lit.Value != `""` {
			out = append(out, strings.Trim(lit.Value, `"`))
		}
	}
	ast.Inspect(tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.KeyValueExpr:
			if key, ok := n.Key.(*ast.Ident); ok && key.Name == "code" {
				take(n.Value)
			}
		case *ast.AssignStmt:
			if to, ok := n.Lhs[0].(*ast.Ident); ok && to.Name == "code" && len(n.Rhs) == 1 {
				take(n.Rhs[0])
			}
		case *ast.CallExpr:
			switch f := n.Fun.(type) {
			case *ast.Ident:
				if f.Name == "conflict" || f.Name == "later" || f.Name == "invalid" {
					take(n.Args[0])
				}
			case *ast.SelectorExpr:
				if (f.Sel.Name == "fault" || f.Sel.Name == "refuse" || f.Sel.Name == "add") && len(n.Args) > 1 {
					take(n.Args[1])
				}
			}
		}
		return true
	})
	return out
}

func TestEveryCodeHasItsWords(t *testing.T) {
	t.Parallel()
	en := localetest.Texts(t).For("en")
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		for _, code := range codes(t, name) {
			seen[code] = true
			if said := erp.Words(en, code); said == "" || strings.HasPrefix(said, "The request was not accepted") {
				t.Errorf("%s: %s has no words", name, code)
			}
		}
	}
	for _, code := range []string{"invalid_json", "not_a_decimal", "too_many", "already_consumed", "rate_limited", "missing_field"} {
		if !seen[code] {
			t.Errorf("the test does not see %s", code)
		}
	}
}
