package notify_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// encodings returns a value as it might stand somewhere.
func encodings(value string) []string {
	return []string{value, url.QueryEscape(value), url.PathEscape(value), hex.EncodeToString([]byte(value)), strings.ToUpper(hex.EncodeToString([]byte(value))),
		base64.StdEncoding.EncodeToString([]byte(value)), base64.RawURLEncoding.EncodeToString([]byte(value)), fmt.Sprintf("%d", []byte(value)), fmt.Sprintf("%#v", []byte(value))}
}

// Neither values, nor the key, nor what a URL hides are told to anyone, also not by a
// receiver that says them to us.
func TestSecrecy(t *testing.T) {
	const value, path, query, password = "canary-VALUE+/1", "canary-PATH", "canary-QUERY", "canary-PASSWORD"
	echo := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "https://elsewhere.example.com:port"+r.URL.RequestURI()+"%zz")
		w.WriteHeader(http.StatusPermanentRedirect)
	}
	words := strings.Join([]string{value, path, query, password, keyText}, " ")
	for name, step := range map[string]http.HandlerFunc{
		"good":         status(200),
		"bad":          status(400),
		"redirect":     echo,
		"status line":  says("HTTP/1.1 503 " + words + "\r\nRetry-After: " + words + "\r\n\r\n"),
		"no HTTP":      says(words + "\r\n\r\n"),
		"short":        says("HTTP/1.1 200 OK\r\nContent-Length: 100"),
		"bad header":   says("HTTP/1.1 200 OK\r\n" + words + "\r\n\r\n"),
		"wrong length": says("HTTP/1.1 200 OK\r\nContent-Length: " + words + "\r\n\r\n"),
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			receiver := newInbox(f, step)
			f.secret("api", map[string]string{"TOKEN": value, "URL": value})
			f.configure(map[string]string{"url": strings.Replace(receiver.URL, "://", "://user:"+password+"@", 1) + "/" + path + "?" + query, "key": keyText, "other": value})
			notifier := f.notifier()
			errs := notifier.Tell(f.Context(), f.change())
			if name != "good" && len(errs) == 0 {
				t.Error("no error")
			}
			var said strings.Builder
			for _, err := range errs {
				said.WriteString(one(t, []error{err}).Hint())
				for cause := err; cause != nil; {
					fmt.Fprintf(&said, "%v %+v %#v\n", cause, cause, cause)
					next, is := cause.(interface{ Unwrap() error })
					if !is {
						break
					}
					cause = next.Unwrap()
				}
			}
			events, err := json.Marshal(f.events("api"))
			if err != nil || len(events) < 100 {
				t.Fatalf("%v in %s", err, events)
			}
			said.Write(events)
			for _, r := range receiver.requests(t) {
				said.Write(r.body)
				for header, values := range r.header {
					if header != "Authorization" { // the password goes to whom it is for
						fmt.Fprintln(&said, header, values)
					}
				}
			}
			for _, canary := range []string{value, path, query, password, string(hmacKey), keyText} {
				for _, encoded := range encodings(canary) {
					if strings.Contains(said.String(), encoded) {
						t.Errorf("%q stands in\n%s", encoded, said.String())
					}
				}
			}
		})
	}
}
