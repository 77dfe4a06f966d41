package notify_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dbtether/kubectl-dbtether/pkg/notify"
)

func TestDelivery(t *testing.T) {
	for name, test := range map[string]struct {
		steps []http.HandlerFunc
		want  string
		err   string // what follows "tell ORIGIN about secret NAMESPACE/api: "
	}{
		"at once":      {steps: []http.HandlerFunc{status(204)}, want: "1 requests, waits []"},
		"a bad day":    {steps: []http.HandlerFunc{status(503), status(500), status(200)}, want: "3 requests, waits [125ms 250ms]"},
		"always":       {steps: []http.HandlerFunc{status(502)}, want: "6 requests, waits [125ms 250ms 500ms 1s 2s]", err: "it answers 502 Bad Gateway, the last of 6 times"},
		"closes first": {steps: []http.HandlerFunc{says(""), status(200)}, want: "2 requests, waits [125ms]"},
		"closes":       {steps: []http.HandlerFunc{says("")}, want: "6 requests, waits [125ms 250ms 500ms 1s 2s]", err: "it closes the connection without an answer, the last of 6 times"},
		"no HTTP":      {steps: []http.HandlerFunc{says("220 mail.example.com ESMTP\r\n"), status(200)}, want: "2 requests, waits [125ms]"},
		"busy":         {steps: []http.HandlerFunc{statusWith(429, "Retry-After", "3"), status(200)}, want: "2 requests, waits [3s]"},
		"down for now": {steps: []http.HandlerFunc{statusWith(503, "Retry-After", "4"), status(200)}, want: "2 requests, waits [4s]"},
		"in no hurry":  {steps: []http.HandlerFunc{statusWith(503, "Retry-After", "0"), status(200)}, want: "2 requests, waits [125ms]"},
		"nonsense":     {steps: []http.HandlerFunc{statusWith(429, "Retry-After", "soon"), status(200)}, want: "2 requests, waits [125ms]"},
		"too busy": {steps: []http.HandlerFunc{statusWith(429, "Retry-After", "60")}, want: "1 requests, waits []",
			err: "it answers 429 Too Many Requests, and asks to be told again in 1m0s: that is too late"},
		"over the time": {steps: []http.HandlerFunc{statusWith(503, "Retry-After", "9"), status(500)}, want: "4 requests, waits [9s 250ms 500ms]",
			err: "it answers 500 Internal Server Error, and the time is over after attempt 4"},
		"unknown": {steps: []http.HandlerFunc{status(404)}, want: "1 requests, waits []", err: "it answers 404 Not Found"},
		"refused": {steps: []http.HandlerFunc{statusWith(401, "Retry-After", "1")}, want: "1 requests, waits []", err: "it answers 401 Unauthorized"},
		"moved": {steps: []http.HandlerFunc{statusWith(307, "Location", "/elsewhere")}, want: "1 requests, waits []",
			err: "it answers 307 Temporary Redirect, and redirects are not followed: the URL has to be the one that it leads to"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			receiver := newInbox(f, test.steps...)
			f.configure(map[string]string{"url": receiver.URL + "/hook", "key": keyText, "comment": "nobody reads it"})
			errs := f.notifier().Tell(f.Context(), f.change())
			if got := told(f, receiver); got != test.want {
				t.Errorf(" got %s\nwant %s", got, test.want)
			}
			if ids := slices.Compact(receiver.ids(t)); len(ids) != 1 {
				t.Errorf("attempts with several ids: %q", ids)
			}
			if test.err == "" && len(errs) == 0 {
				return
			}
			want := "tell " + receiver.URL + " about secret " + f.namespace + "/api: " + test.err
			if failed := one(t, errs); failed.Error() != want || failed.Stage != notify.StageDelivery {
				t.Errorf(" got %s: %v\nwant %s", failed.Stage, failed, want)
			}
		})
	}
}

// Each attempt is signed for its own time, and is otherwise the same.
func TestAttempts(t *testing.T) {
	f := newFixture(t)
	receiver := newInbox(f, statusWith(503, "Retry-After", "5"), status(200))
	f.configure(map[string]string{"url": receiver.URL, "key": keyText})
	began := f.clock.Now()
	if errs := f.notifier().Tell(f.Context(), f.change()); errs != nil {
		t.Fatal(errs)
	}
	got := receiver.requests(t)
	if string(got[0].body) != string(got[1].body) || got[0].header.Get("User-Agent") != "dbtether-test" {
		t.Errorf("%s\n%s\n%v", got[0].body, got[1].body, got[0].header)
	}
	for i, want := range []int64{began.Unix(), began.Unix() + 5} {
		if at := got[i].header.Get("webhook-timestamp"); at != strconv.FormatInt(want, 10) {
			t.Errorf("attempt %d is of %s, not of %d", i+1, at, want)
		}
	}
	if got[0].header.Get("webhook-signature") == got[1].header.Get("webhook-signature") {
		t.Error("both have the same signature")
	}
}

// A date is as good as seconds.
func TestRetryAfterDate(t *testing.T) {
	f := newFixture(t)
	receiver := newInbox(f, statusWith(503, "Retry-After", f.clock.Now().Add(7*time.Second).UTC().Format(http.TimeFormat)), status(200))
	f.configure(map[string]string{"url": receiver.URL, "key": keyText})
	if errs := f.notifier().Tell(f.Context(), f.change()); errs != nil {
		t.Fatal(errs)
	}
	if got := told(f, receiver); got != "2 requests, waits [7s]" {
		t.Error(got)
	}
}

// Where a redirect leads to, nothing arrives.
func TestRedirect(t *testing.T) {
	for _, code := range []int{301, 302, 303, 307, 308} {
		f := newFixture(t)
		other := newInbox(f, status(200))
		receiver := newInbox(f, statusWith(code, "Location", other.URL+"/stolen"))
		f.configure(map[string]string{"url": receiver.URL, "key": keyText})
		failed := one(t, f.notifier().Tell(f.Context(), f.change()))
		if len(other.requests(t)) > 0 || len(receiver.requests(t)) != 1 || strings.Contains(failed.Error(), other.URL) {
			t.Errorf("%d: %d requests at the other host: %v", code, len(other.requests(t)), failed)
		}
	}
}

// A receiver that does not answer is given up, and asked again.
func TestHanging(t *testing.T) {
	f := newFixture(t)
	receiver := newInbox(f, hang, status(200))
	f.configure(map[string]string{"url": receiver.URL, "key": keyText})
	notifier := f.notifier()
	notifier.Limit = 6 * time.Second
	if errs := notifier.Tell(f.Context(), f.change()); errs != nil {
		t.Fatal(errs)
	}
	if got := told(f, receiver); got != "2 requests, waits [125ms]" {
		t.Error(got)
	}
}

// One that never answers costs no more than the limit, by the real clock.
func TestHangingForever(t *testing.T) {
	f := newFixture(t)
	receiver := newInbox(f, hang)
	f.configure(map[string]string{"url": receiver.URL, "key": keyText})
	notifier := f.notifier()
	notifier.Now, notifier.Sleep, notifier.Limit = time.Now, nil, 600*time.Millisecond
	failed := one(t, notifier.Tell(f.Context(), f.change()))
	if !strings.Contains(failed.Error(), "no answer within 200ms") && !strings.Contains(failed.Error(), "the 600ms that there are for it are over") {
		t.Error(failed)
	}
}

// All changes of one call have the limit together: who comes too late is not tried.
func TestHangingForMany(t *testing.T) {
	f := newFixture(t)
	receiver := newInbox(f, hang)
	f.configure(map[string]string{"url": receiver.URL, "key": keyText})
	notifier := f.notifier()
	notifier.Limit = 300 * time.Millisecond
	changes := slices.Repeat([]notify.Change{f.change()}, 40)
	for i := range changes {
		changes[i].Revision = int64(i)
	}
	failed := one(t, notifier.Tell(f.Context(), changes...))
	tried := receiver.ids(t)
	slices.Sort(tried)
	// Three attempts fit into the limit, of eight changes at a time.
	if tried = slices.Compact(tried); len(tried) > 24 || len(failed.Names) != 40 || len(f.events("api")) != 40 {
		t.Errorf("%d tried, %d not told, %d Events: %v", len(tried), len(failed.Names), len(f.events("api")), failed)
	}
}

// The caller's context ends everything.
func TestInterrupted(t *testing.T) {
	f := newFixture(t)
	ctx, interrupt := context.WithCancel(f.Context())
	receiver := newInbox(f, func(w http.ResponseWriter, r *http.Request) {
		interrupt()
		hang(w, r)
	})
	f.configure(map[string]string{"url": receiver.URL, "key": keyText})
	failed := one(t, f.notifier().Tell(ctx, f.change()))
	if !errors.Is(failed, context.Canceled) || told(f, receiver) != "1 requests, waits []" {
		t.Errorf("%v, %s", failed, told(f, receiver))
	}
}

func TestNobodyListens(t *testing.T) {
	f := newFixture(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	f.configure(map[string]string{"url": "http://" + address + "/token", "key": keyText})
	failed := one(t, f.notifier().Tell(f.Context(), f.change()))
	if !strings.HasSuffix(failed.Error(), "connection refused, the last of 6 times") || failed.Receiver != "http://"+address || len(f.clock.slept) != 5 {
		t.Errorf("%v: waits %v", failed, f.clock.slept)
	}
}

func TestTLS(t *testing.T) {
	for name, test := range map[string]struct {
		newest   uint16
		trusted  bool
		requests int
		err      string
	}{
		"trusted":     {tls.VersionTLS13, true, 1, ""},
		"older":       {tls.VersionTLS12, true, 1, ""},
		"too old":     {tls.VersionTLS11, true, 0, "protocol version"},
		"not trusted": {tls.VersionTLS13, false, 0, "certificate signed by unknown authority"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			receiver := newTLSInbox(f, test.newest, status(200))
			data := map[string]string{"url": receiver.URL + "/token", "key": keyText}
			if test.trusted {
				data["ca"] = receiver.certificate()
			}
			f.configure(data)
			errs := f.notifier().Tell(f.Context(), f.change())
			if got := len(receiver.requests(t)); got != test.requests {
				t.Errorf("%d requests", got)
			}
			if test.err == "" && len(errs) == 0 {
				return
			}
			if failed := one(t, errs); !strings.Contains(failed.Error(), test.err) || strings.Contains(failed.Error(), "token") {
				t.Error(failed)
			}
			if !test.trusted && len(f.clock.slept) > 0 {
				t.Errorf("a certificate that is not trusted is tried again: %v", f.clock.slept)
			}
		})
	}
}

// A user and a password in the URL are sent as they would be by anyone.
func TestBasicAuthentication(t *testing.T) {
	f := newFixture(t)
	receiver := newInbox(f, status(200))
	f.configure(map[string]string{"url": strings.Replace(receiver.URL, "://", "://us%20er:pa%2Fss@", 1) + "/a?b=c\n", "key": keyText})
	if errs := f.notifier().Tell(f.Context(), f.change()); errs != nil {
		t.Fatal(errs)
	}
	got := receiver.requests(t)[0]
	user, password, _ := (&http.Request{Header: got.header}).BasicAuth()
	if user != "us er" || password != "pa/ss" || got.path != "/a?b=c" {
		t.Errorf("%q, %q at %s", user, password, got.path)
	}
}
