package admission

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	admissionv1 "k8s.io/api/admission/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/policy"
	"github.com/dbtether/kubectl-dbtether/pkg/review"
)

const podReview = `{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"u1","kind":{"group":"","version":"v1","kind":"Pod"},` +
	`"resource":{"group":"","version":"v1","resource":"pods"},"operation":"CREATE","namespace":"shop","object":{"metadata":{"name":"geheim"}}}}`

// fixture is an entry that answers what answer says, its log and its metrics.
type fixture struct {
	*entry
	text    bytes.Buffer
	metrics *metrics
}

func newFixture(t *testing.T, answer func(context.Context, *review.Request) review.Outcome) *fixture {
	t.Helper()
	f := &fixture{metrics: newMetrics("test")}
	var err error
	f.entry, err = newEntry(entry{name: "enforce", answer: answer, log: decisionLog{slog.New(slog.NewJSONHandler(&f.text, nil)), 1}, metrics: f.metrics.entry("enforce"), buffers: newBuffers()})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *fixture) post(target string, body io.Reader) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	f.ServeHTTP(w, httptest.NewRequest(http.MethodPost, target, body))
	return w
}

// counted checks that one review was counted, with that outcome.
func (f *fixture) counted(t *testing.T, outcome string) {
	t.Helper()
	if line := `dbtether_webhook_reviews_total{entry="enforce",outcome="` + outcome + `"} 1`; !strings.Contains(scrape(f.metrics), line) {
		t.Errorf("the metrics do not have %s", line)
	}
	if !strings.Contains(f.text.String(), `"outcome":"`+outcome+`"`) && outcome != outcomeAllowed {
		t.Errorf("the log does not say %s:\n%s", outcome, f.text.String())
	}
	if strings.Contains(f.text.String(), "geheim") {
		t.Errorf("the log has something of the object:\n%s", f.text.String())
	}
}

func scrape(m *metrics) string {
	w := httptest.NewRecorder()
	m.handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return w.Body.String()
}

func allowed(context.Context, *review.Request) review.Outcome { return review.Outcome{Allowed: true} }

func response(t *testing.T, w *httptest.ResponseRecorder) *admissionv1.AdmissionResponse {
	t.Helper()
	var answer admissionv1.AdmissionReview
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || answer.Response == nil || answer.Kind != "AdmissionReview" || answer.APIVersion != "admission.k8s.io/v1" {
		t.Fatalf("the answer is no AdmissionReview: %v\n%s", err, w.Body)
	}
	if answer.Response.UID != "u1" {
		t.Errorf("the answer is for %q", answer.Response.UID)
	}
	return answer.Response
}

func TestEntryAnswers(t *testing.T) {
	for _, c := range []struct {
		name    string
		outcome review.Outcome
		counted string
	}{
		{"allowed", review.Outcome{Allowed: true, Code: 200, Warnings: []string{"W"}}, outcomeAllowed},
		{"patched", review.Outcome{Allowed: true, Code: 200, Patch: []byte(`[{"op":"add"}]`), Warnings: []string{"W"}}, outcomePatched},
		{"denied", review.Outcome{Code: 403, Message: "CODE: no.", Warnings: []string{"W"}, Findings: []policy.Finding{{Code: "CODE"}}}, outcomeDenied},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t, func(context.Context, *review.Request) review.Outcome { return c.outcome })
			w := f.post("/", strings.NewReader(podReview))
			got := response(t, w)
			if w.Code != http.StatusOK || got.Allowed != c.outcome.Allowed || !bytes.Equal(got.Patch, c.outcome.Patch) || len(got.Warnings) != 1 {
				t.Errorf("got %d, %+v", w.Code, got)
			}
			if (got.PatchType != nil) != (c.outcome.Patch != nil) {
				t.Errorf("patch type %v for patch %q", got.PatchType, c.outcome.Patch)
			}
			f.counted(t, c.counted)
			if c.outcome.Allowed {
				return
			}
			if s := got.Result; s.Code != 403 || s.Reason != "Forbidden" || s.Status != "Failure" || s.Message != "CODE: no." {
				t.Errorf("got %+v", s)
			}
			if !strings.Contains(f.text.String(), `"codes":{"deny":["CODE"]}`) || !strings.Contains(f.text.String(), `"uid":"u1"`) {
				t.Errorf("the log misses code or uid:\n%s", f.text.String())
			}
		})
	}
}

func TestEntryRefusesBodies(t *testing.T) {
	for _, c := range []struct {
		name, counted, says string
		body                io.Reader
		code                int
	}{
		{"empty", outcomeInvalid, "unexpected end of JSON input", http.NoBody, 400},
		{"another object", outcomeInvalid, `"Pod" of "v1"`, strings.NewReader(`{"kind":"Pod","apiVersion":"v1"}`), 400},
		{"request null", outcomeInvalid, "request is missing or null", strings.NewReader(`{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":null}`), 400},
		{"announced too large", outcomeTooLarge, "more than 6291456 bytes", bytes.NewReader(make([]byte, maxBody+1)), 413},
		{"too large", outcomeTooLarge, "more than 6291456 bytes", io.LimitReader(endless{}, maxBody+1), 413},
		{"broken off", outcomeInvalid, "gone", iotest.ErrReader(errors.New("gone")), 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t, allowed)
			w := f.post("/", c.body)
			if w.Code != c.code || !strings.Contains(w.Body.String(), c.says) {
				t.Errorf("got %d: %s", w.Code, w.Body)
			}
			f.counted(t, c.counted)
		})
	}
}

// What is only announced costs nothing.
func TestEntryTakesMemoryAsTheBodyComes(t *testing.T) {
	f := newFixture(t, allowed)
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("{}"))
	r.ContentLength = maxBody
	var body bytes.Buffer
	end, err := f.readBody(t.Context(), httptest.NewRecorder(), r, &body)
	end()
	if err != nil || body.String() != "{}" || body.Cap() > 2*keptBuffer {
		t.Errorf("%d bytes for %q, %v", body.Cap(), body.String(), err)
	}
}

// Large reviews wait for each other, and nobody for them.
func TestEntryBoundsLargeReviews(t *testing.T) {
	const most = largeBudget / largeLeast
	started, proceed := make(chan bool, most), make(chan bool)
	f := newFixture(t, func(_ context.Context, r *review.Request) review.Outcome {
		if r.Name == "large" {
			started <- true
			<-proceed
		}
		return review.Outcome{Allowed: true}
	})
	large := strings.Replace(podReview, `"uid"`, `"name":"large","uid"`, 1) + strings.Repeat(" ", 2*keptBuffer)
	var running sync.WaitGroup
	for range most {
		running.Go(func() {
			if w := f.post("/", strings.NewReader(large)); w.Code != http.StatusOK {
				t.Errorf("a large review: %d: %s", w.Code, w.Body)
			}
		})
		<-started
	}
	if w := f.post("/?timeout=50ms", strings.NewReader(large)); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "too many large reviews") {
		t.Errorf("one more: %d: %s", w.Code, w.Body)
	}
	if w := f.post("/?timeout=50ms", strings.NewReader(podReview)); w.Code != http.StatusOK {
		t.Errorf("a small one: %d: %s", w.Code, w.Body)
	}
	close(proceed)
	running.Wait()
	if w := f.post("/", strings.NewReader(large)); w.Code != http.StatusOK || !f.buffers.large.TryAcquire(largeBudget) {
		t.Errorf("afterwards: %d, or some are still counted", w.Code)
	}
}

type endless struct{}

func (endless) Read(b []byte) (int, error) { return len(b), nil }

func TestEntrySurvivesPanic(t *testing.T) {
	for name, value := range map[string]any{"an error of ours": errors.New("geheim"), "a string": "geheim"} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, func(context.Context, *review.Request) review.Outcome { panic(value) })
			w := f.post("/", strings.NewReader(podReview))
			if got := response(t, w); w.Code != http.StatusInternalServerError || got.Allowed || got.Result.Message != errInternal.Error() {
				t.Errorf("got %d, %+v", w.Code, got)
			}
			f.counted(t, outcomePanic)
			if !strings.Contains(f.text.String(), "entry_test.go") {
				t.Errorf("the log does not say where:\n%s", f.text.String())
			}
		})
	}
}

// kubewebhook's own handler can panic, too; there is nothing to answer with then.
func TestEntrySurvivesPanicOfTheHandler(t *testing.T) {
	f := newFixture(t, allowed)
	f.inner = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("geheim") })
	if w := f.post("/", strings.NewReader(podReview)); w.Code != http.StatusInternalServerError || w.Body.String() != errInternal.Error()+"\n" {
		t.Errorf("got %d: %s", w.Code, w.Body)
	}
	f.counted(t, outcomePanic)
}

func TestEntryHasTheCallersDeadline(t *testing.T) {
	for query, want := range map[string]time.Duration{
		"?timeout=2s": 1800 * time.Millisecond, "": 9 * time.Second, "?timeout=x": 9 * time.Second, "?timeout=-1s": 9 * time.Second, "?timeout=10h": 27 * time.Second,
	} {
		f := newFixture(t, func(ctx context.Context, _ *review.Request) review.Outcome {
			deadline, ok := ctx.Deadline()
			if left := time.Until(deadline); !ok || left > want || left < want-time.Second {
				t.Errorf("%q leaves %s", query, left)
			}
			return review.Outcome{Allowed: true}
		})
		f.post("/"+query, strings.NewReader(podReview))
	}
}

// Whatever is sent, the metrics have the same few series: here all of them, but for what
// the policies of users add to those of findings.
func TestMetricsAreBounded(t *testing.T) {
	in := newInProcess(t, io.Discard, 0)
	in.load(t)
	for _, e := range in.entries {
		for outcome := range e.metrics.outcomes {
			e.metrics.answered(outcome, time.Second)
		}
	}
	for _, row := range in.library.engine.Load().Policies() {
		one := []policy.Finding{{Policy: row.Policy, Code: row.Code}}
		in.metrics.found(review.Outcome{Findings: one, Decision: policy.Decision{Warn: one, DryRun: one, Excepted: []policy.Excepted{{Finding: one[0]}}}})
	}
	for resource := range in.index.informers() {
		for _, result := range []string{lookupFound, lookupMissing, lookupError} {
			in.metrics.index.lookups.WithLabelValues(resource, result).Inc()
		}
		in.index.heard.note(resource)
	}
	in.metrics.tellReady(func() error { return nil })
	series := 0
	for line := range strings.Lines(scrape(in.metrics)) {
		if !strings.HasPrefix(line, "#") {
			series++
		}
	}
	t.Logf("%d series", series)
	if series > 500 {
		t.Errorf("%d series:\n%s", series, scrape(in.metrics))
	}
	if f := newFixture(t, allowed); f.post("/?entry=x", strings.NewReader(strings.ReplaceAll(podReview, "shop", "another"))).Code != 200 ||
		strings.Contains(scrape(f.metrics), "another") {
		t.Errorf("the metrics have what was sent:\n%s", scrape(f.metrics))
	}
}
