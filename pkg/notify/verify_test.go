package notify_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// verify returns why a request is not to be believed. key is what follows whsec_,
// decoded from base64; now is the time.
func verify(header http.Header, body, key []byte, now time.Time) error {
	id, timestamp := header.Get("webhook-id"), header.Get("webhook-timestamp")
	sent, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || now.Sub(time.Unix(sent, 0)).Abs() > 5*time.Minute {
		return errors.New("it is too old, or not from now")
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.%s", id, timestamp, body)
	for signature := range strings.FieldsSeq(header.Get("webhook-signature")) {
		version, text, _ := strings.Cut(signature, ",")
		signed, err := base64.StdEncoding.DecodeString(text)
		if version == "v1" && err == nil && hmac.Equal(signed, mac.Sum(nil)) {
			return nil
		}
	}
	return errors.New("it is not signed with the key")
}

// What receivers are told to run is what these tests run.
func TestDocumentVerifies(t *testing.T) {
	source, err := os.ReadFile("verify_test.go")
	if err != nil {
		t.Fatal(err)
	}
	document, err := os.ReadFile("../../docs/notifications.md")
	if err != nil {
		t.Fatal(err)
	}
	_, function, _ := strings.Cut(string(source), "\n// verify returns")
	function, _, _ = strings.Cut(function, "\n}\n")
	if block := "```go\n// verify returns" + function + "\n}\n```\n"; !strings.Contains(string(document), block) {
		t.Errorf("docs/notifications.md has another function than verify_test.go: it is\n%s", block)
	}
}

// The example of Standard Webhooks' own libraries, and what differs from it by one thing.
func TestVerify(t *testing.T) {
	key, err := base64.StdEncoding.DecodeString("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	now, body := time.Unix(1614265330, 0), `{"test": 2432232314}`
	header := http.Header{"Webhook-Id": {"msg_p5jXN8AQM9LWM0D4loKWxJek"}, "Webhook-Timestamp": {"1614265330"},
		"Webhook-Signature": {"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}}
	if err := verify(header, []byte(body), key, now); err != nil {
		t.Error(err)
	}
	for what, err := range map[string]error{
		"another body": verify(header, []byte(body+" "), key, now),
		"another key":  verify(header, []byte(body), key[1:], now),
		"later":        verify(header, []byte(body), key, now.Add(time.Hour)),
		"unsigned":     verify(http.Header{"Webhook-Timestamp": {"1614265330"}}, []byte(body), key, now),
	} {
		if err == nil {
			t.Errorf("%s: it is believed", what)
		}
	}
}
