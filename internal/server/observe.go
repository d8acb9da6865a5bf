package server

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"time"
)

// recorder remembers what was answered. It hands everything else on, also to
// http.ResponseController.
type recorder struct {
	http.ResponseWriter

	status int
	bytes  int64
}

// record gives the recorder that is there already, or a new one.
func record(w http.ResponseWriter) *recorder {
	if rec, ok := w.(*recorder); ok {
		return rec
	}
	return &recorder{ResponseWriter: w}
}

func (rec *recorder) WriteHeader(status int) {
	if rec.status == 0 && status >= http.StatusOK { // 1xx are not the answer
		rec.status = status
	}
	rec.ResponseWriter.WriteHeader(status)
}

func (rec *recorder) Write(b []byte) (int, error) {
	if rec.status == 0 {
		rec.status = http.StatusOK
	}
	n, err := rec.ResponseWriter.Write(b)
	rec.bytes += int64(n)
	return n, err
}

// Flush serves those who ask for a http.Flusher.
func (rec *recorder) Flush() {
	if rec.status == 0 {
		rec.status = http.StatusOK
	}
	_ = http.NewResponseController(rec.ResponseWriter).Flush() // a writer that cannot flush does not buffer
}

// Unwrap serves http.ResponseController.
func (rec *recorder) Unwrap() http.ResponseWriter { return rec.ResponseWriter }

// unmatched is the route of requests that met none.
const unmatched = "unmatched"

// observe logs and counts every request by the template of its route, never by
// its path or query, which hold names and secrets. Metrics may be nil.
func observe(log *slog.Logger, now func() time.Time, metrics *Metrics) middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			o := observation{log: log, metrics: metrics, rec: record(w), cut: true}
			start, leave := now(), metrics.enter()
			defer func(ctx context.Context) { // also when the handler panics
				leave()
				o.report(ctx, r, now().Sub(start))
			}(r.Context())
			next.ServeHTTP(o.rec, r)
			o.cut = false
		})
	}
}

type observation struct {
	log     *slog.Logger
	metrics *Metrics
	rec     *recorder
	cut     bool // the handler did not come to its end
}

func (o *observation) report(ctx context.Context, r *http.Request, took time.Duration) {
	route, notes := visitOf(ctx).seen()
	route = cmp.Or(route, unmatched)
	status := cmp.Or(o.rec.status, http.StatusOK)
	if o.cut {
		status = http.StatusInternalServerError
	}
	o.metrics.count(methodOf(r), route, status, took)
	attrs := append([]slog.Attr{
		slog.String("method", methodOf(r)), slog.String("route", route), slog.Int("status", status),
		slog.Int64("bytes", o.rec.bytes), slog.Float64("duration_ms", float64(took.Microseconds())/1000),
		slog.String("client", Client(ctx).String()), slog.String("user_agent", shorten(r.UserAgent(), 120)),
	}, notes...)
	o.log.LogAttrs(ctx, levelOf(route, status), "request", attrs...)
}

// StatusHungUp is what handlers say of a request whose caller did not wait for the answer.
// Nobody reads it but the log and the metrics, and it is no fault of the service.
const StatusHungUp = 499

func levelOf(route string, status int) slog.Level {
	switch {
	case slices.Contains(OpsPaths(), route), status == StatusHungUp:
		return slog.LevelDebug
	case status == http.StatusServiceUnavailable:
		return slog.LevelWarn
	case status >= http.StatusInternalServerError:
		return slog.LevelError
	}
	return slog.LevelInfo
}

// methodOf keeps made-up methods out of labels.
func methodOf(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return r.Method
	}
	return "OTHER"
}

func shorten(text string, most int) string { return text[:min(len(text), most)] }

// recoverPanics turns a panic into a problem with the id of the request, and logs where
// it came from. When the answer had begun, the connection is cut instead, so that
// the caller cannot take half an answer for a whole one.
func recoverPanics(log *slog.Logger) middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rec := record(w)
			defer func(ctx context.Context) {
				cause := recover()
				if cause == nil {
					return
				}
				if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
					panic(http.ErrAbortHandler)
				}
				log.ErrorContext(ctx, "handler panicked", "cause", cause, "stack", string(debug.Stack()))
				if rec.status != 0 {
					panic(http.ErrAbortHandler)
				}
				refuse(rec, r, Problem{
					Status: http.StatusInternalServerError, Code: "internal", Retryable: true,
					Message: "Something went wrong here. Give the request id to the administrator.",
				})
			}(r.Context())
			next.ServeHTTP(rec, r)
		})
	}
}
