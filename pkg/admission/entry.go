package admission

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"runtime/debug"
	"time"

	kwhhttp "github.com/slok/kubewebhook/v2/pkg/http"
	"github.com/slok/kubewebhook/v2/pkg/model"
	"go.opentelemetry.io/otel/trace"

	"github.com/dbtether/kubectl-dbtether/pkg/review"
)

// maxBody is the size of the largest review that is read: twice that of the largest object
// that the API server takes, for the object and the old one. It is also the limit of
// kubewebhook's handler.
const maxBody = kwhhttp.MaxRequestBodyBytes

// entry answers the reviews of one path. It is kubewebhook's webhook.Webhook.
type entry struct {
	name     string // of the path and of the metrics' label
	mutating bool
	answer   func(context.Context, *review.Request) review.Outcome
	log      decisionLog
	metrics  entryMetrics
	traces   trace.Tracer // nil: nothing is traced
	inner    http.Handler
	buffers  *buffers
}

func newEntry(e entry) (*entry, error) {
	var err error
	e.inner, err = kwhhttp.HandlerFor(kwhhttp.HandlerConfig{Webhook: &e, Logger: kubewebhookLog{e.log.Logger}})
	return &e, err
}

// exchange is one review on its way through kubewebhook's handler.
type exchange struct {
	request *review.Request
	outcome review.Outcome
	result  string // one of the outcomes of metrics.go
}

type exchangeKey struct{}

// ServeHTTP reads and decodes the review, and leaves the form of the answer to kubewebhook's
// handler. That would decode the objects once more, into typed structs, so it gets a review
// without objects.
func (e *entry) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	started := time.Now()
	x := &exchange{result: outcomeError}
	r, traced := e.trace(r)
	e.metrics.shared.inFlight.Inc()
	defer func() {
		if value := recover(); value != nil {
			e.recovered(x, value)
			http.Error(w, errInternal.Error(), http.StatusInternalServerError)
		}
		took := time.Since(started)
		e.metrics.shared.inFlight.Dec()
		e.metrics.answered(x.result, took)
		e.metrics.shared.found(x.outcome)
		e.record(r.Context(), x, took)
		traced(x)
	}()
	ctx, cancel := context.WithTimeout(context.WithValue(r.Context(), exchangeKey{}, x), timeLeft(r))
	defer cancel()
	body, release := e.buffers.take()
	defer release()
	end, err := e.readBody(ctx, w, r, body)
	defer end()
	if err != nil {
		e.refuse(w, x, err)
		return
	}
	if x.request, err = review.Decode(body.Bytes()); err != nil {
		e.refuse(w, x, err)
		return
	}
	inner := r.WithContext(ctx)
	inner.Body = io.NopCloser(bytes.NewReader(bareReview(x.request.UID)))
	w.Header().Set("Content-Type", "application/json")
	e.inner.ServeHTTP(answerWriter{w, x}, inner)
}

// ID implements webhook.Webhook.
func (e *entry) ID() string { return e.name }

// Kind implements webhook.Webhook.
func (e *entry) Kind() model.WebhookKind {
	if e.mutating {
		return model.WebhookKindMutating
	}
	return model.WebhookKindValidating
}

// errInternal is all that is told of a panic outside of the log.
var errInternal = errors.New("the dbtether webhook failed on this review: see its log")

// Review implements webhook.Webhook. The review that it gets from kubewebhook's handler has no
// objects; the whole request is in the exchange in the context.
func (e *entry) Review(ctx context.Context, _ model.AdmissionReview) (response model.AdmissionResponse, err error) {
	x, ok := ctx.Value(exchangeKey{}).(*exchange)
	if !ok {
		return nil, errInternal
	}
	defer func() {
		if value := recover(); value != nil {
			e.recovered(x, value)
			response, err = nil, errInternal
		}
	}()
	x.outcome = e.answer(ctx, x.request)
	switch {
	case !x.outcome.Allowed:
		x.result = outcomeDenied
	case x.outcome.Patch != nil:
		x.result = outcomePatched
		return &model.MutatingAdmissionResponse{JSONPatchPatch: x.outcome.Patch, Warnings: x.outcome.Warnings}, nil
	default:
		x.result = outcomeAllowed
	}
	// An answer without a patch has one form, whatever the kind of the webhook.
	return &model.ValidatingAdmissionResponse{Allowed: x.outcome.Allowed, Message: x.outcome.Message, Warnings: x.outcome.Warnings}, nil
}

// recovered counts and logs a panic. Of a value that is no error of the runtime only the type
// is logged, because it may hold anything.
func (e *entry) recovered(x *exchange, value any) {
	x.result = outcomePanic
	text := fmt.Sprintf("%T", value)
	if fault, ok := value.(runtime.Error); ok {
		text = fault.Error()
	}
	e.log.Error("panic", "entry", e.name, "uid", x.uid(), "panic", text, "stack", string(debug.Stack()))
}

// readBody reads the body of a request. The error is an *http.MaxBytesError for a body over the
// limit, and errBusy if there is no room for a large one in time. Memory is taken as the body
// arrives, not as its sender announces it. The caller calls end when it no longer uses the
// body, also after an error.
func (e *entry) readBody(ctx context.Context, w http.ResponseWriter, r *http.Request, into *bytes.Buffer) (end func(), err error) {
	end = func() {}
	if r.ContentLength > maxBody {
		return end, &http.MaxBytesError{Limit: maxBody}
	}
	if r.ContentLength > 0 {
		into.Grow(int(min(r.ContentLength, keptBuffer)) + bytes.MinRead)
	}
	body := http.MaxBytesReader(w, r.Body, maxBody)
	if n, err := into.ReadFrom(io.LimitReader(body, keptBuffer)); err != nil || n < keptBuffer {
		return end, err
	}
	if end, err = e.buffers.grow(ctx, r.ContentLength); err != nil {
		return end, err
	}
	if r.ContentLength > 0 { // at once, because growing in steps takes twice as much
		into.Grow(int(r.ContentLength) - into.Len() + bytes.MinRead)
	}
	_, err = into.ReadFrom(body)
	return end, err
}

// refuse answers a request whose body is no review, or could not be read.
func (e *entry) refuse(w http.ResponseWriter, x *exchange, err error) {
	x.result = outcomeInvalid
	code := http.StatusBadRequest
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		x.result, code = outcomeTooLarge, http.StatusRequestEntityTooLarge
		err = fmt.Errorf("the review has more than %d bytes", tooLarge.Limit)
	}
	if errors.Is(err, errBusy) {
		x.result, code = outcomeError, http.StatusServiceUnavailable
	}
	http.Error(w, err.Error(), code)
}

// bareReview returns an AdmissionReview without objects.
func bareReview(uid string) []byte {
	type request struct {
		UID string `json:"uid"`
	}
	// A struct of strings always marshals.
	body, _ := json.Marshal(struct {
		Kind       string  `json:"kind"`
		APIVersion string  `json:"apiVersion"`
		Request    request `json:"request"`
	}{review.ReviewKind, review.ReviewAPIVersion, request{uid}})
	return body
}

// defaultTimeout is how long an API server waits that does not say, maxTimeout the longest that
// it may wait.
const (
	defaultTimeout = 10 * time.Second
	maxTimeout     = 30 * time.Second
)

// timeLeft returns how long a review may take. The API server says in ?timeout how long it
// waits; a tenth of that is kept for the way back.
func timeLeft(r *http.Request) time.Duration {
	asked, err := time.ParseDuration(r.URL.Query().Get("timeout"))
	if err != nil || asked <= 0 {
		asked = defaultTimeout
	}
	asked = min(asked, maxTimeout)
	return asked - asked/10
}
