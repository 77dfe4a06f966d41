package crash_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/revision"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// history is a Secret and its revisions by their number, as the API server has them.
type history struct {
	live      *corev1.Secret // nil: there is none
	revisions map[int]*corev1.Secret
}

// histories returns those of the site's Secrets, by name.
func (s *site) histories(t *testing.T) map[string]history {
	t.Helper()
	all := map[string]history{}
	secrets := s.secrets(t)
	for i := range secrets {
		one := &secrets[i]
		name, number := one.Name, 0
		if one.Type == v1alpha1.SecretTypeRevision {
			at := strings.LastIndex(name, ".v")
			var err error
			if number, err = strconv.Atoi(name[at+2:]); err != nil {
				t.Fatal(err)
			}
			name = name[:at]
		}
		h := all[name]
		if h.revisions == nil {
			h.revisions = map[int]*corev1.Secret{}
		}
		if number > 0 {
			h.revisions[number] = one
		} else {
			h.live = one
		}
		all[name] = h
	}
	return all
}

// String shows the contents, which are no secrets here.
func (h history) String() string {
	text := "none"
	if h.live != nil {
		text = fmt.Sprintf("%q", h.live.Data)
	}
	for _, number := range slices.Sorted(maps.Keys(h.revisions)) {
		text += fmt.Sprintf(", revision %d %q", number, h.revisions[number].Data)
	}
	return text
}

// newest returns the number of the newest revision; 0: there is none.
func (h history) newest() int {
	newest := 0
	for number := range h.revisions {
		newest = max(newest, number)
	}
	return newest
}

// limit returns how many revisions are kept.
func (h history) limit() int {
	if h.live == nil {
		return revision.Kept
	}
	return revision.HistoryLimit(h.live.Annotations)
}

// intended returns what the Secret was to hold when the command was killed: what that one
// had staged, else what the Secret held. A Secret that was not created is as one that was
// deleted, and a deletion is finished by no other command: what was staged is in the
// history.
func (h history) intended(before history) secret.Data {
	if h.live == nil {
		return nil
	}
	staged := h.revisions[h.newest()]
	if h.newest() > before.newest() && staged.Annotations[v1alpha1.AnnotationAuthor] != revision.AuthorExternal && staged.Annotations[v1alpha1.AnnotationDeleted] == "" {
		return staged.Data
	}
	return h.live.Data
}

// checkKept expects that what there was is there: each revision that is not too old, and
// what each Secret held, live or in a revision.
func checkKept(t *testing.T, before, after map[string]history) {
	t.Helper()
	for name, was := range before {
		is := after[name]
		for number, one := range was.revisions {
			kept := is.revisions[number]
			if number > is.newest()-is.limit() && (kept == nil || kept.UID != one.UID) {
				t.Errorf("revision %d of secret %s is lost: it held %s, and holds %s", number, name, was, is)
			}
		}
		if was.live != nil && !is.has(was.live.Data) && !was.old(was.live.Data, is.newest()-is.limit()) {
			t.Errorf("what secret %s held is lost: %s, and now %s", name, was, is)
		}
	}
}

// old reports whether a content is that of a revision up to number.
func (h history) old(content secret.Data, number int) bool {
	for at, one := range h.revisions {
		if at <= number && secret.Data(one.Data).Equal(content) {
			return true
		}
	}
	return false
}

// has reports whether a content is live or in a revision.
func (h history) has(content secret.Data) bool {
	same := func(one *corev1.Secret) bool { return secret.Data(one.Data).Equal(content) }
	return h.live != nil && same(h.live) || slices.ContainsFunc(slices.Collect(maps.Values(h.revisions)), same)
}

// checkHistory expects of a Secret that its newest revision is live, or says that it was
// deleted, that none is missing or unfinished, and that there are not too many.
func (s *site) checkHistory(t *testing.T, name string) {
	t.Helper()
	var doc struct {
		Exists    bool
		Revisions []struct {
			Revision int
			State    string
		}
	}
	r := s.mustRun(t, "secret", "history", name, "-o", "json")
	if err := json.Unmarshal([]byte(r.stdout), &doc); err != nil {
		t.Fatalf("%v: %v", err, r)
	}
	if len(doc.Revisions) == 0 {
		t.Errorf("secret %s has no history", name)
		return
	}
	for i, one := range doc.Revisions {
		is, newest := one.State, i == len(doc.Revisions)-1
		bad := is != "" && is != "deleted" && is != "abandoned"
		if newest {
			bad = doc.Exists != (is == "live") || !doc.Exists && is != "deleted"
		}
		if bad || i > 0 && one.Revision != doc.Revisions[i-1].Revision+1 {
			t.Errorf("the history of secret %s is not whole: %s", name, r.stdout)
		}
	}
	if h := s.histories(t)[name]; h.live != nil && (len(h.revisions) > h.limit() || h.live.Annotations[v1alpha1.AnnotationRevision] != strconv.Itoa(h.newest())) {
		t.Errorf("secret %s has %d revisions of at most %d, and says that it is at %s: %s", name, len(h.revisions), h.limit(), h.live.Annotations[v1alpha1.AnnotationRevision], h)
	}
}
