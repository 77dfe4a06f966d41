package notify

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/dbtether/kubectl-dbtether/pkg/words"
)

var expiry = time.Date(2026, 3, 1, 12, 0, 0, 0, time.FixedZone("", 3600))

func TestMessage(t *testing.T) {
	for _, test := range []struct {
		change Change
		want   string
	}{
		{Change{Revision: 7, Author: "jane", Reason: "new provider", Added: []string{"A", "B"}, Changed: []string{"C"}, Removed: []string{"D"}},
			"revision 7 by jane; reason: new provider; added A, B; changed C; removed D"},
		{Change{Kind: Rotated, Revision: 2, Author: "system:serviceaccount:dbtether-system:dbtether-runner", Changed: []string{"password"}},
			"revision 2 by system:serviceaccount:dbtether-system:dbtether-runner; changed password"},
		{Change{Kind: Expired, Revision: 3, ExpiresAt: expiry}, "expired at 2026-03-01T11:00:00Z; revision 3"},
		{Change{Kind: Changed, Author: "jane", ExpiresAt: expiry}, "expires at 2026-03-01T11:00:00Z; by jane"},
		{Change{Kind: Deleted, Revision: 1, Author: "jane", Reason: "a\nb\x1b[2J\xff"}, "revision 1 by jane; reason: a b [2J\uFFFD"},
	} {
		if got := test.change.message(); got != test.want {
			t.Errorf("%+v:\n got %q\nwant %q", test.change, got, test.want)
		}
	}
}

// However much an author has to say, and however many keys there are, some of each is told.
func TestMessageHasRoomForAll(t *testing.T) {
	keys := make([]string, 4000)
	for i := range keys {
		keys[i] = "KEY"
	}
	c := Change{Kind: Expired, Revision: 1 << 40, Author: strings.Repeat("ä", 5000), Reason: strings.Repeat("ö", 5000), Added: keys, ExpiresAt: expiry}
	message := words.Shorten(c.message(), maxEventMessage)
	if len(message) > maxEventMessage || !utf8.ValidString(message) {
		t.Errorf("%d bytes: %q", len(message), message)
	}
	for _, want := range []string{"expired at", "revision 1099511627776 by ää", "reason: öö", "added KEY, KEY"} {
		if !strings.Contains(message, want) {
			t.Errorf("no %q in %q", want, message)
		}
	}
}

func TestIdentity(t *testing.T) {
	base := Change{Kind: Changed, Namespace: "shop", Name: "api", UID: "0d9f", Revision: 7}
	same := base
	same.Author, same.Reason, same.ResourceVersion, same.Added = "jane", "again", "9", []string{"A"}
	if base.id() != same.id() {
		t.Errorf("told again, it is another: %s, %s", base.id(), same.id())
	}
	seen := map[string]string{base.id(): "the change"}
	for what, change := range map[string]func(*Change){
		"kind":      func(c *Change) { c.Kind = Deleted },
		"namespace": func(c *Change) { c.Namespace = "shop2" },
		"name":      func(c *Change) { c.Name = "api2" },
		"uid":       func(c *Change) { c.UID = "0d90" },
		"revision":  func(c *Change) { c.Revision = 8 },
		"expiry":    func(c *Change) { c.ExpiresAt = expiry },
		"moved":     func(c *Change) { c.Namespace, c.Name = "shopa", "pi" },
	} {
		other := base
		change(&other)
		if known := seen[other.id()]; known != "" {
			t.Errorf("another %s has the id of %s", what, known)
		}
		seen[other.id()] = "another " + what
	}
}

func TestCloudEvent(t *testing.T) {
	for _, test := range []struct {
		change Change
		want   string
	}{
		{Change{Kind: Changed, Namespace: "shop", Name: "api", UID: "0d9f", Revision: 7, Author: "jane", Reason: `says "<now>"`, Added: []string{"A", "B"}, Removed: []string{"C"}},
			`{"specversion":"1.0","id":"ID","source":"/api/v1/namespaces/shop/secrets","type":"io.dbtether.secret.changed","subject":"api",` +
				`"time":"2026-03-01T11:00:00Z","datacontenttype":"application/json","data":{"namespace":"shop","name":"api","revision":7,"author":"jane",` +
				`"reason":"says \"\u003cnow\u003e\"","added":["A","B"],"changed":[],"removed":["C"]}}`},
		{Change{Kind: Expired, Namespace: "shop", Name: "api", ExpiresAt: expiry},
			`{"specversion":"1.0","id":"ID","source":"/api/v1/namespaces/shop/secrets","type":"io.dbtether.secret.expired","subject":"api",` +
				`"time":"2026-03-01T11:00:00Z","datacontenttype":"application/json","data":{"namespace":"shop","name":"api","revision":0,"author":"",` +
				`"reason":"","added":[],"changed":[],"removed":[],"expiresAt":"2026-03-01T11:00:00Z"}}`},
	} {
		body, err := test.change.cloudEvent(expiry)
		if err != nil {
			t.Fatal(err)
		}
		if want := strings.Replace(test.want, "ID", test.change.id(), 1); string(body) != want {
			t.Errorf(" got %s\nwant %s", body, want)
		}
	}
}
