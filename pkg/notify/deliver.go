package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

const (
	// maxAttempts is how often a request is sent at most.
	maxAttempts = 6
	// firstBackoff is the longest wait after the first attempt; each is twice the one
	// before it.
	firstBackoff = 250 * time.Millisecond
	// attemptsInLimit is how many attempts that are never answered the limit has room for.
	attemptsInLimit = 3
	// maxAnswer is how much of an answer is read, so that its connection can be used again.
	maxAnswer = 16 << 10
)

// message is what is sent, in each attempt the same.
type message struct {
	id   string
	body []byte
}

// failure says why an attempt failed.
type failure struct {
	err error
	// temporary says whether another attempt may succeed, after retryAfter at the earliest.
	temporary  bool
	retryAfter time.Duration
}

// deliver sends a message until the receiver takes it, a failure is not temporary, there were
// maxAttempts, or the next attempt would begin after the deadline.
func (n *Notifier) deliver(ctx context.Context, r *receiver, m message, deadline time.Time) error {
	for attempt := 1; ; attempt++ {
		failed := n.attempt(ctx, r, m)
		if failed == nil {
			return nil
		}
		if !failed.temporary {
			return failed.err
		}
		if attempt == maxAttempts {
			return fmt.Errorf("%w, the last of %d times", failed.err, attempt)
		}
		wait := max(n.backoff(attempt), failed.retryAfter)
		if n.Now().Add(wait).After(deadline) {
			if wait == failed.retryAfter {
				return fmt.Errorf("%w, and asks to be told again in %s: that is too late", failed.err, wait)
			}
			return fmt.Errorf("%w, and the time is over after attempt %d", failed.err, attempt)
		}
		if err := n.pause(ctx, wait); err != nil {
			return fmt.Errorf("%w, and then: %w", failed.err, err)
		}
	}
}

// attempt sends a message once and follows no redirect (Standard Webhooks, "Delivery
// success and failure"); nil: the receiver has it.
func (n *Notifier) attempt(ctx context.Context, r *receiver, m message) *failure {
	limit := n.limit() / attemptsInLimit
	once, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	request, err := http.NewRequestWithContext(once, http.MethodPost, r.url.Reveal(), bytes.NewReader(m.body))
	if err != nil { // the error quotes the URL
		return &failure{err: errors.New("the request cannot be made")}
	}
	if user := request.URL.User; user != nil {
		password, _ := user.Password()
		request.SetBasicAuth(user.Username(), password)
	}
	request.Header.Set("Content-Type", contentType)
	request.Header.Set("User-Agent", n.Component)
	if err := sign(request.Header, r.key, m.id, n.Now(), m.body); err != nil {
		return &failure{err: err}
	}
	// Not http.Client: its errors have the URL, and what a receiver answers, in them.
	response, err := r.transport.RoundTrip(request)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return &failure{err: context.Cause(ctx)}
	case once.Err() != nil:
		return &failure{err: fmt.Errorf("no answer within %s", limit), temporary: true}
	default:
		return broken(err)
	}
	defer response.Body.Close()
	_, _ = io.CopyN(io.Discard, response.Body, maxAnswer)
	return n.answered(response)
}

// answered returns nil for the status of success. Of an answer only its status and Retry-After
// are told: its text may repeat what was sent.
func (n *Notifier) answered(response *http.Response) *failure {
	status := response.StatusCode
	err := fmt.Errorf("it answers %d %s", status, http.StatusText(status))
	switch {
	case status >= 200 && status <= 299:
		return nil
	case status >= 300 && status <= 399:
		return &failure{err: fmt.Errorf("%w, and redirects are not followed: the URL has to be the one that it leads to", err)}
	case status == http.StatusTooManyRequests || status >= 500:
		return &failure{err: err, temporary: true, retryAfter: n.retryAfter(response.Header)}
	default:
		return &failure{err: err}
	}
}

// retryAfter returns how long a receiver asks to be left alone: seconds or a date (RFC
// 9110, section 10.2.3); 0 where it does not.
func (n *Notifier) retryAfter(header http.Header) time.Duration {
	text := header.Get("Retry-After")
	if seconds, err := strconv.ParseInt(text, 10, 32); err == nil {
		return time.Duration(max(seconds, 0)) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(at.Sub(n.Now()), 0)
	}
	return 0
}

// broken returns the failure of an exchange that did not end in an answer. Only errors that
// cannot quote a URL or a receiver's text are passed on.
func broken(err error) *failure {
	var certificate *tls.CertificateVerificationError
	var network *net.OpError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &certificate):
		return &failure{err: certificate}
	case errors.Is(err, errProxy):
		return &failure{err: errProxy}
	case errors.As(err, &record):
		return &failure{err: errors.New("it does not speak TLS")}
	case errors.As(err, &network):
		return &failure{err: network, temporary: true}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return &failure{err: errors.New("it closes the connection without an answer"), temporary: true}
	default:
		return &failure{err: errors.New("no answer in HTTP comes from it, or from a proxy before it"), temporary: true}
	}
}

// backoff returns how long to wait after an attempt: between half of its backoff and all
// of it, so that those who failed together do not come back together.
func (n *Notifier) backoff(attempt int) time.Duration {
	most := firstBackoff << (attempt - 1)
	var random [4]byte
	if _, err := io.ReadFull(n.Random, random[:]); err != nil {
		return most
	}
	part := float64(binary.BigEndian.Uint32(random[:])) / (1 << 32)
	return most/2 + time.Duration(part*float64(most/2))
}

// pause waits, unless ctx ends first.
func (n *Notifier) pause(ctx context.Context, d time.Duration) error {
	if n.Sleep != nil {
		return n.Sleep(ctx, d)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
