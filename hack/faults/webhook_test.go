package faults_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

// webhook is a running one that the API server calls.
type webhook struct {
	*process
	url string
}

// webhook starts one and waits until the API server calls it. file is where its output
// goes; "": to a log.
func (e *environment) webhook(t *testing.T, file string) *webhook {
	t.Helper()
	w := e.startWebhook(t, file)
	w.waitServing(t, e)
	return w
}

func (e *environment) startWebhook(t *testing.T, file string) *webhook {
	t.Helper()
	listen, metrics := freeAddress(t), freeAddress(t)
	url := "https://" + listen
	cmd := e.home.Command("webhook", "--kubeconfig="+e.account, "--listen="+listen, "--metrics-listen="+metrics, "--url="+url, "--debug", "--drain=1s", "--replica=faults")
	return &webhook{launch(t, cmd, metrics, file), url}
}

func (w *webhook) waitServing(t *testing.T, e *environment) {
	t.Helper()
	testenv.Within(t, time.Minute, "the webhook is ready", w.ready)
	testenv.Within(t, time.Minute, "the API server calls the webhook", func() error {
		_, err := e.kubectl(clusterNamed("probe", "127.0.0.1", 5432), "create", "--dry-run=server", "-f", "-")
		return err
	})
}

// client asks for reviews as the API server does, but believes every certificate.
func client() *http.Client {
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, MaxIdleConnsPerHost: 1000}}
}

// answer is what a review was answered.
type answer struct {
	code    int
	allowed bool
	patched bool
	text    string
	took    time.Duration
}

// ask posts a review to an entry. limit is how long the API server would wait.
func (w *webhook) ask(by *http.Client, entry string, review []byte, limit time.Duration) (a answer, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, fmt.Sprintf("%s/%s?timeout=%s", w.url, entry, limit), bytes.NewReader(review))
	if err != nil {
		return a, err
	}
	started := time.Now()
	response, err := by.Do(request)
	a.took = time.Since(started)
	if err != nil {
		return a, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return a, err
	}
	a.code, a.text = response.StatusCode, string(body)
	var decoded struct {
		Response struct {
			Allowed bool
			Patch   []byte
		}
	}
	if json.Unmarshal(body, &decoded) == nil {
		a.allowed, a.patched = decoded.Response.Allowed, len(decoded.Response.Patch) > 0
	}
	return a, nil
}

// reviewOf returns the review of an object that is created, made up to size with an
// annotation that concerns nobody.
func reviewOf(group, kind, namespace, object string, size int) []byte {
	head := fmt.Sprintf(`{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"faults","kind":{"group":%q,"version":%q,"kind":%q},`+
		`"resource":{"group":%[1]q,"version":%[2]q,"resource":%[4]q},"operation":"CREATE","namespace":%[5]q,"userInfo":{"username":"alice"},"object":%[6]s}}`,
		group, versionOf(group), kind, strings.ToLower(kind)+"s", namespace, object)
	return []byte(strings.Replace(head, "FILL", strings.Repeat("x", max(0, size-len(head))), 1))
}

func versionOf(group string) string {
	switch group {
	case "dbtether.io":
		return "v1alpha1"
	default:
		return "v1"
	}
}

// reviews returns the review for each entry, of what is asked for in a namespace where the
// user orders-api is ready.
func reviews(namespace string, size int) map[string][]byte {
	const spec = `"spec":{"containers":[{"name":"app","image":"app"}]}`
	meta := `"metadata":{"name":"orders","namespace":"` + namespace + `","annotations":{"fill":"FILL"%s}}`
	ask := `,"dbtether.io/inject":"orders-api"`
	pod := func(more string) []byte {
		return reviewOf("", "Pod", namespace, `{"apiVersion":"v1","kind":"Pod",`+fmt.Sprintf(meta, more)+","+spec+`}`, size)
	}
	return map[string][]byte{
		"inject":  pod(ask),
		"enforce": pod(""),
		"guard":   pod(""),
		"resources": reviewOf("dbtether.io", "Database", namespace, `{"apiVersion":"dbtether.io/v1alpha1","kind":"Database",`+
			fmt.Sprintf(meta, "")+`,"spec":{"clusterRef":{"name":"`+namespace+`"}}}`, size),
		"templates": reviewOf("apps", "Deployment", namespace, `{"apiVersion":"apps/v1","kind":"Deployment",`+
			fmt.Sprintf(meta, "")+`,"spec":{"template":{`+fmt.Sprintf(meta, ask)+","+spec+`}}}`, size),
	}
}

// asking posts small reviews to all entries, one after the other, until stop is called.
type asking struct {
	stop func()

	mu     sync.Mutex
	asked  int
	slow   time.Duration
	failed []string
}

// keepAsking begins to. limit is that of each review, which has to be allowed within it.
func (w *webhook) keepAsking(namespace string, limit, pause time.Duration) *asking {
	a, all, by := &asking{}, reviews(namespace, 0), client()
	over, ended := make(chan struct{}), make(chan struct{})
	a.stop = sync.OnceFunc(func() {
		close(over)
		<-ended
	})
	go func() {
		defer close(ended)
		for {
			for entry, review := range all {
				got, err := w.ask(by, entry, review, limit)
				a.note(entry, got, err)
				select {
				case <-over:
					return
				case <-time.After(pause):
				}
			}
		}
	}()
	return a
}

func (a *asking) note(entry string, got answer, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked++
	a.slow = max(a.slow, got.took)
	if err != nil || !got.allowed || (entry == "inject") != got.patched {
		a.failed = append(a.failed, fmt.Sprintf("%s: %+v %v", entry, got, err))
	}
}

// check ends it, and expects that at least so many were asked and that all were answered.
func (a *asking) check(t *testing.T, least int) {
	t.Helper()
	a.expect(t, least, 0)
}

// checkMost is check on a machine that has more to do than it can: one in ten may be late.
func (a *asking) checkMost(t *testing.T, least int) {
	t.Helper()
	a.stop()
	a.expect(t, least, a.asked/10)
}

func (a *asking) expect(t *testing.T, least, failures int) {
	t.Helper()
	a.stop()
	if a.asked < least || len(a.failed) > failures {
		t.Errorf("%d of %d reviews failed, and at least %d should have been asked:\n%s", len(a.failed), a.asked, least, strings.Join(a.failed[:min(5, len(a.failed))], "\n"))
	}
	t.Logf("%d reviews meanwhile, %d late, the slowest took %s", a.asked, len(a.failed), a.slow.Round(time.Millisecond))
}
