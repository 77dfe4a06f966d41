package runner_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/notify"
	"github.com/dbtether/kubectl-dbtether/pkg/revision"
	"github.com/dbtether/kubectl-dbtether/pkg/runner"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// keep writes a managed Secret, and its annotations as somebody might.
func (s *site) keep(t *testing.T, namespace, name, value string, notes map[string]string) {
	t.Helper()
	edit := revision.Edit{Namespace: namespace, Name: name, Author: "alice", Notes: map[string]*string{},
		Change: func(*revision.Standing) (secret.Data, error) { return secret.Data{"KEY": []byte(value)}, nil }}
	for key, note := range notes {
		edit.Notes[key] = &note
	}
	if _, err := s.revisions().Write(t.Context(), edit); err != nil {
		t.Fatal(err)
	}
}

func (s *site) revisions() revision.Store {
	return revision.Store{Secrets: s.admin.kube.CoreV1(), Metadata: s.admin.meta}
}

// events returns the Events of a Secret: type, reason and message, in no order.
func (s *site) events(t *testing.T, namespace, name string) string {
	t.Helper()
	list, err := s.admin.kube.CoreV1().Events(namespace).List(t.Context(), metav1.ListOptions{FieldSelector: "involvedObject.kind=Secret,involvedObject.name=" + name})
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for i := range list.Items {
		e := &list.Items[i]
		if e.InvolvedObject.UID == "" {
			t.Errorf("the Event %q says nothing of which Secret", e.Message)
		}
		lines = append(lines, fmt.Sprintf("%s %s %s", e.Type, e.Reason, e.Message))
	}
	return strings.Join(lines, "\n")
}

// receiver is who a namespace has told of its Secrets.
type receiver struct {
	mu  sync.Mutex
	all []string
}

// ServeHTTP keeps "rotated due 2 KEY" of each CloudEvent.
func (n *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	var event struct {
		Type string
		Data struct {
			Name     string
			Revision int64
			Changed  []string
		}
	}
	if err := json.NewDecoder(request.Body).Decode(&event); err != nil || request.Header.Get("webhook-signature") == "" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, strings.TrimSpace(fmt.Sprintf("%s %s %d %s", strings.TrimPrefix(event.Type, "io.dbtether.secret."), event.Data.Name, event.Data.Revision, strings.Join(event.Data.Changed, ","))))
}

// heard returns what was told, each once, in order.
func (n *receiver) heard() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return strings.Join(slices.Compact(slices.Sorted(slices.Values(n.all))), " | ")
}

const daily = `{"days":1,"keys":{"KEY":{"generator":"hex"}}}`

// TestSecretsAreRotated lets a runner with the rights that we install work on Secrets whose
// time has come: each once, by its own name, the broken ones told and in nobody's way.
func TestSecretsAreRotated(t *testing.T) {
	s := newSite(t)
	name := "secrets-" + s.id
	s.namespace(t, name)
	as := s.account(t, name, s.rightsOf(t))
	long := map[string]string{v1alpha1.AnnotationRotation: daily, v1alpha1.AnnotationRotatedAt: "2026-01-01T00:00:00Z"}
	s.keep(t, name, "due", "old", long)
	s.keep(t, name, "later", "old", map[string]string{v1alpha1.AnnotationRotation: daily, v1alpha1.AnnotationRotatedAt: time.Now().UTC().Format(time.RFC3339)})
	s.keep(t, name, "broken", "old", map[string]string{v1alpha1.AnnotationRotation: "daily"})
	s.keep(t, name, "expired", "old", map[string]string{v1alpha1.AnnotationExpiresAt: "2026-01-01T00:00:00Z"})
	for i := range 4 {
		s.keep(t, name, "many", fmt.Sprint(i), nil)
	}
	if _, err := s.admin.kube.CoreV1().Secrets(name).Patch(t.Context(), "many", "application/merge-patch+json", []byte(`{"metadata":{"annotations":{"dbtether.io/history-limit":"2"}}}`), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	told := &receiver{}
	server := httptest.NewServer(told)
	defer server.Close()
	configuration := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: notify.ConfigurationName}, StringData: map[string]string{"url": server.URL, "key": "a key of sixteen bytes"}}
	if _, err := s.admin.kube.CoreV1().Secrets(name).Create(t.Context(), configuration, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	w := s.start(t, as, func(o *runner.Options) {
		o.Namespace, o.SecretInterval, o.MetricsListen = name, 50*time.Millisecond, "127.0.0.1:0"
	})
	eventually(t, "all is done and told", func() error {
		now, err := s.revisions().Stand(t.Context(), name, "due")
		if err != nil {
			return err
		}
		many, err := s.revisions().Stand(t.Context(), name, "many")
		if err != nil {
			return err
		}
		if now.Revision() != 2 || len(many.Entries) != 2 || s.events(t, name, "expired") == "" || s.events(t, name, "broken") == "" || !strings.Contains(told.heard(), "rotated") || !strings.Contains(told.heard(), "expired") {
			return errors.New(w.said())
		}
		return nil
	})
	if err := s.becomesDue(t, name, "later"); err != nil { // so that it has looked again, and at all of them
		t.Fatal(err)
	}
	now, err := s.revisions().Stand(t.Context(), name, "due")
	if err != nil || now.Revision() != 2 || len(now.Live.Data["KEY"]) != 64 || now.Entries[1].Author != as.name || now.Entries[1].Reason != "rotated: KEY" {
		t.Errorf("it was rotated to %d by %+v, %v", now.Revision(), now.Entries, err)
	}
	for secret, want := range map[string]string{
		"due":     "Normal SecretRotated revision 2 by " + as.name + "; reason: rotated: KEY; changed KEY",
		"expired": "Warning SecretExpired expired at 2026-01-01T00:00:00Z; revision 1",
		"broken":  `Warning Failed read annotation dbtether.io/rotation of secret "broken" in namespace "` + name + `": it is no JSON object`,
		"many":    "",
	} {
		if got := s.events(t, name, secret); strings.Contains(got, "\n") || !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("the Events of %s are %s, want %s", secret, got, want)
		}
	}
	if got, want := told.heard(), "expired expired 1 | rotated due 2 KEY | rotated later 2 KEY"; got != want && got != strings.TrimSuffix(want, " | rotated later 2 KEY") {
		t.Errorf("told %s, want %s", got, want)
	}
	eventually(t, "the metrics say so", func() error {
		_, text := w.ask(t, "/metrics")
		for _, want := range []string{`dbtether_runner_results_total{action="rotated",kind="Secret"} 2`, `dbtether_runner_results_total{action="expired",kind="Secret"} 1`,
			`dbtether_runner_results_total{action="pruned",kind="Secret"} 1`, `dbtether_runner_results_total{action="failed",kind="Secret"}`, "dbtether_runner_expired_secrets 1"} {
			if !strings.Contains(text, want) {
				return fmt.Errorf("there is no %s in\n%s", want, text)
			}
		}
		return nil
	})
	w.stop()
}

// becomesDue lets a Secret be due, and waits until it was rotated.
func (s *site) becomesDue(t *testing.T, namespace, name string) error {
	t.Helper()
	secrets := s.admin.kube.CoreV1().Secrets(namespace)
	before, err := secrets.Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	if _, err := secrets.Patch(t.Context(), name, "application/merge-patch+json", []byte(`{"metadata":{"annotations":{"dbtether.io/rotated-at":"2026-01-01T00:00:00Z"}}}`), metav1.PatchOptions{}); err != nil {
		return err
	}
	eventually(t, name+" is rotated", func() error {
		now, err := secrets.Get(t.Context(), name, metav1.GetOptions{})
		if err == nil && string(now.Data["KEY"]) == string(before.Data["KEY"]) {
			err = errors.New("it is not")
		}
		return err
	})
	return nil
}

// TestAForbiddenSecret checks that a Secret whose new values cannot be written keeps
// nobody from the others, and is told.
func TestAForbiddenSecret(t *testing.T) {
	s := newSite(t)
	name := "forbidden-" + s.id
	s.namespace(t, name)
	roles := s.rightsOf(t)
	for i := range roles { // it may create no Secret, and patch one of two
		roles[i].rules = append(without(without(roles[i].rules, right{"secrets", "patch"}), right{"secrets", "create"}),
			rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"patch"}, ResourceNames: []string{"healed"}})
	}
	as := s.account(t, name, roles)
	s.keep(t, name, "healed", "old", map[string]string{v1alpha1.AnnotationRotation: daily})
	s.keep(t, name, "refused", "old", map[string]string{v1alpha1.AnnotationRotation: daily, v1alpha1.AnnotationRotatedAt: "2026-01-01T00:00:00Z"})
	w := s.start(t, as, func(o *runner.Options) { o.Namespace, o.SecretInterval = name, 50*time.Millisecond })
	eventually(t, "the one is told, the other done", func() error {
		healed, err := s.admin.kube.CoreV1().Secrets(name).Get(t.Context(), "healed", metav1.GetOptions{})
		if err != nil {
			return err
		}
		if !strings.Contains(s.events(t, name, "refused"), corev1.EventTypeWarning+" Forbidden ") || healed.Annotations[v1alpha1.AnnotationRotatedAt] == "" {
			return errors.New(w.said())
		}
		return nil
	})
	w.stop()
}
