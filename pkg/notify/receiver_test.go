package notify_test

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/dbtether/kubectl-dbtether/pkg/notify"
)

// hmacKey is what receivers verify with, keyText how the configuration has it.
var hmacKey = []byte("0123456789abcdefghijklmn")

var keyText = "whsec_" + base64.StdEncoding.EncodeToString(hmacKey)

// inbox is a receiver. It answers by its steps, one for each request, and the last of them
// for all that follow.
type inbox struct {
	*httptest.Server
	steps []http.HandlerFunc

	mu     sync.Mutex
	got    []request
	doubts []string // why requests are not to be believed
}

type request struct {
	header http.Header
	path   string
	body   []byte
}

func newInbox(f fixture, steps ...http.HandlerFunc) *inbox {
	f.Helper()
	i := &inbox{steps: steps}
	i.Server = httptest.NewServer(i.handler(f))
	f.Cleanup(i.Close)
	return i
}

// newTLSInbox speaks TLS no newer than a version.
func newTLSInbox(f fixture, newest uint16, steps ...http.HandlerFunc) *inbox {
	f.Helper()
	i := &inbox{steps: steps}
	i.Server = httptest.NewUnstartedServer(i.handler(f))
	i.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: newest}
	i.Config.ErrorLog = log.New(io.Discard, "", 0) // it complains of those who do not trust it
	i.StartTLS()
	f.Cleanup(i.Close)
	return i
}

func (i *inbox) certificate() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.Certificate().Raw}))
}

// handler keeps each request, verifies it, and lets a step answer.
func (i *inbox) handler(f fixture) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			f.Error(err)
		}
		i.mu.Lock()
		n := len(i.got)
		i.got = append(i.got, request{r.Header.Clone(), r.URL.RequestURI(), body})
		if err := verify(r.Header, body, hmacKey, f.clock.Now()); err != nil {
			i.doubts = append(i.doubts, err.Error())
		}
		i.mu.Unlock()
		if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/cloudevents+json" {
			f.Errorf("%s of %s", r.Method, r.Header.Get("Content-Type"))
		}
		i.steps[min(n, len(i.steps)-1)](w, r)
	}
}

// requests returns what came. All of it was signed.
func (i *inbox) requests(t *testing.T) []request {
	t.Helper()
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.doubts) > 0 {
		t.Errorf("it cannot believe %d of %d requests: %s", len(i.doubts), len(i.got), i.doubts[0])
	}
	return i.got
}

// ids returns the id of the event in each request, after comparing it with the header.
func (i *inbox) ids(t *testing.T) []string {
	t.Helper()
	var ids []string
	for _, r := range i.requests(t) {
		var event struct{ ID string }
		if err := json.Unmarshal(r.body, &event); err != nil {
			t.Fatal(err)
		}
		if event.ID == "" || event.ID != r.header.Get("webhook-id") {
			t.Errorf("id %q, header %q", event.ID, r.header.Get("webhook-id"))
		}
		ids = append(ids, event.ID)
	}
	return ids
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// statusWith answers with one header.
func statusWith(code int, header, value string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set(header, value)
		w.WriteHeader(code)
	}
}

// hang answers nothing until the sender gives up.
func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// says answers with these bytes and closes the connection.
func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		_, _ = io.Copy(conn, bytes.NewReader([]byte(text)))
		_ = conn.Close()
	}
}

// one returns the only error.
func one(t *testing.T, errs []error) *notify.Error {
	t.Helper()
	if len(errs) != 1 {
		t.Fatalf("%d errors: %v", len(errs), errs)
	}
	var failed *notify.Error
	if !errors.As(errs[0], &failed) {
		t.Fatalf("%T: %v", errs[0], errs[0])
	}
	return failed
}

// told is what one change looked like to the receiver and to the clock.
func told(f fixture, i *inbox) string {
	return fmt.Sprintf("%d requests, waits %v", len(i.requests(f.T)), f.clock.slept)
}

// crowd keeps how many requests are answered at a time, and gives more than the expected
// number of them the time to come together.
type crowd struct {
	expected int
	more     chan struct{}

	mu         sync.Mutex
	open, most int
}

func newCrowd(expected int) *crowd { return &crowd{expected: expected, more: make(chan struct{})} }

func (c *crowd) answer(w http.ResponseWriter, _ *http.Request) {
	c.mu.Lock()
	c.open++
	c.most = max(c.most, c.open)
	if c.open == c.expected+1 && c.most == c.open {
		close(c.more)
	}
	c.mu.Unlock()
	select {
	case <-c.more:
	case <-time.After(200 * time.Millisecond):
	}
	c.mu.Lock()
	c.open--
	c.mu.Unlock()
	w.WriteHeader(http.StatusOK)
}
