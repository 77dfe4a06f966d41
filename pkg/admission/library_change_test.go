package admission

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/policy"
)

// setOf returns two ConfigMaps of a policy each, which object to every DatabaseUser with
// codes that only this set has.
func setOf(number int) []*corev1.ConfigMap {
	var configs []*corev1.ConfigMap
	for _, half := range []string{"A", "B"} {
		code := fmt.Sprintf("SET-%d-%s", number, half)
		name := "half_" + strings.ToLower(half)
		configs = append(configs, policyMap(strings.ReplaceAll(name, "_", "-"), policy.LabelPolicyRules, map[string]string{
			"p.rego": `# METADATA
# custom:
#   area: resources
package dbtether.user.all.` + name + `

# METADATA
# custom:
#   code: ` + code + `
deny contains {"code": "` + code + `", "message": sprintf("database %q", [input.database.name]), "fix": "no"} if input.request.kind == "DatabaseUser"
`,
			"p_test.rego": `package dbtether.user.all.` + name + `_test

test_denied if count(data.dbtether.user.all.` + name + `.deny) == 1 with input as {"request": {"kind": "DatabaseUser"}, "database": {"name": "x"}}
`}))
	}
	return configs
}

// lockedText is a log that many write to.
type lockedText struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lockedText) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

// TestReviewsWhileSetsChange reviews a user of three databases, 200 times at once and
// again and again, while sets of policies replace each other, one of them broken, and the
// watches bring changes. Every decision is that of one whole set, for all three databases.
func TestReviewsWhileSetsChange(t *testing.T) {
	const together, rounds, sets = 200, 5, 3
	var log lockedText
	in := newInProcess(t, &log, 1)
	const namespace = "shop"
	for _, object := range []error{
		in.index.namespaces.GetIndexer().Add(namespaceOf(namespace)),
		in.index.clusters.GetIndexer().Add(&v1alpha1.DBCluster{ObjectMeta: metav1.ObjectMeta{Name: "main"}}),
		in.index.databases.GetIndexer().Add(databaseOf(namespace, "a", "main")),
		in.index.databases.GetIndexer().Add(databaseOf(namespace, "b", "main")),
		in.index.databases.GetIndexer().Add(databaseOf(namespace, "c", "main")),
	} {
		if object != nil {
			t.Fatal(object)
		}
	}
	revisions := map[string]int{}
	for set := range sets {
		in.load(t, setOf(set)...)
		revisions[in.library.engine.Load().Revision()] = set
	}
	broken := setOf(0)
	broken[1].Data["p.rego"], broken[1].ResourceVersion = "package dbtether.user.all.half_b\n\ndeny if true\n", "broken"

	answers := make([]map[string]string, together+1) // by UID
	ask := func(i, n int) {
		if answers[i] == nil {
			answers[i] = map[string]string{}
		}
		uid := fmt.Sprintf("%d-%d", i, n)
		answers[i][uid] = in.post("resources", resourceReview(uid, "DatabaseUser", "databaseusers", namespace, "late", `{"databaseRefs":[{"name":"a"},{"name":"b"},{"name":"c"}]}`))
	}
	done := make(chan bool)
	var begun, changing, reviewing sync.WaitGroup
	begun.Add(together)
	changing.Go(func() {
		// However busy the machine is, some are of the set that is there, and one is of the
		// next.
		begun.Wait()
		for n := 0; ; n++ {
			select {
			case <-done:
				if n > 0 {
					return
				}
			default:
			}
			set := n % (sets + 1)
			if set == sets {
				in.reload(t, broken...)
				continue
			}
			if in.reload(t, setOf(set)...); in.library.trouble.failure != "" {
				t.Error(in.library.trouble.failure)
			}
			if n == 0 {
				ask(together, 0)
			}
		}
	})
	changing.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-done:
				return
			default:
			}
			changed := namespaceOf(namespace)
			changed.Labels["n"] = fmt.Sprint(n)
			if err := in.index.namespaces.GetIndexer().Update(changed); err != nil {
				t.Error(err)
			}
			if err := in.index.users.GetIndexer().Add(userOf(fmt.Sprintf("tenant-%d", n%100), "orders-api", "a")); err != nil {
				t.Error(err)
			}
			runtime.Gosched()
		}
	})
	for i := range together {
		reviewing.Go(func() {
			for n := range rounds {
				if ask(i, n); n == 0 {
					begun.Done()
				}
			}
		})
	}
	reviewing.Wait()
	close(done)
	changing.Wait()

	said, seen := 0, map[int]bool{}
	for line := range strings.Lines(log.text.String()) {
		var review struct {
			Msg, UID, Revision string
			Codes              struct{ Deny []string }
		}
		if err := json.Unmarshal([]byte(line), &review); err != nil {
			t.Fatal(err)
		}
		if review.Msg != "review" {
			continue
		}
		said++
		set, ok := revisions[review.Revision]
		if !ok {
			t.Fatalf("a decision of a set that was never loaded: %s", line)
		}
		seen[set] = true
		if want := []string{fmt.Sprintf("SET-%d-A", set), fmt.Sprintf("SET-%d-B", set)}; !slices.Equal(review.Codes.Deny, want) {
			t.Errorf("revision %s found %v, not %v", review.Revision, review.Codes.Deny, want)
		}
		var who, round int
		if _, err := fmt.Sscanf(review.UID, "%d-%d", &who, &round); err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, half := range []string{"A", "B"} {
			for _, database := range []string{"a", "b", "c"} {
				want = append(want, fmt.Sprintf(`SET-%d-%s: database \"%s\". No`, set, half, database))
			}
		}
		if answer := answers[who][review.UID]; !strings.Contains(answer, `"message":"`+strings.Join(want, "; ")+`."`) {
			t.Errorf("revision %s answered %s", review.Revision, answer)
		}
	}
	if said != together*rounds+1 || len(seen) < 2 {
		t.Errorf("%d decisions of %d reviews, of the sets %v", said, together*rounds+1, seen)
	}
}

// What is as it was is not loaded again, unless it could not be: that is tried again, and
// said once.
func TestLibraryTriesAgain(t *testing.T) {
	var log lockedText
	in := newInProcess(t, &log, 0)
	failures := func() string {
		_, after, _ := strings.Cut(scrape(in.metrics), "\ndbtether_webhook_policy_load_failures_total ")
		return after[:1]
	}
	broken := setOf(0)
	broken[0].Data["p_test.rego"], broken[0].ResourceVersion = "", "broken"
	for n := range 3 {
		in.reload(t, broken...)
		if got := failures(); got != fmt.Sprint(n+1) {
			t.Errorf("after %d times: %s failures", n+1, got)
		}
	}
	if err := in.library.ready(); err != nil {
		t.Error(err)
	}
	for range 3 {
		in.load(t, setOf(1)...)
	}
	for message, want := range map[string]int{"policies cannot be loaded": 1, "policies loaded": 1} {
		if got := strings.Count(log.text.String(), `"msg":"`+message+`"`); got != want {
			t.Errorf("%q is said %d times:\n%s", message, got, log.text.String())
		}
	}
}

// An exception ends at its time, and nothing is loaded again for that.
func TestExceptionEndsByItself(t *testing.T) {
	in := newInProcess(t, io.Discard, 0)
	in.fill(t)
	now := time.Now()
	in.library.now = func() time.Time { return now }
	expires := now.Add(time.Hour).Truncate(time.Second)
	in.load(t, policyMap("team", policy.LabelPolicyRules, teamPolicy("shop", "NO-X")), policyMap("legacy", policy.LabelPolicyException,
		map[string]string{"policy": "NO-X", "namespace": "shop", "reason": "older", "expires": expires.Format(time.RFC3339)}))
	engine := in.library.engine.Load()
	if got := in.post("resources", databaseReview("u1", "shop", "x")); !strings.Contains(got, `"allowed":true`) || !strings.Contains(got, "Allowed until "+expires.UTC().Format(time.RFC3339)) {
		t.Errorf("before: %s", got)
	}
	now = expires
	if got := in.post("resources", databaseReview("u1", "shop", "x")); !strings.Contains(got, `"allowed":false`) || !strings.Contains(got, "NO-X: ") || in.library.engine.Load() != engine {
		t.Errorf("after: %s", got)
	}
	now = expires.Add(-400 * 24 * time.Hour) // a clock that is put back
	if got := in.post("resources", databaseReview("u1", "shop", "x")); !strings.Contains(got, `"allowed":true`) || in.library.engine.Load() != engine {
		t.Errorf("when the clock is put back: %s", got)
	}
}
