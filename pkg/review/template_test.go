package review_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/dbtether/kubectl-dbtether/pkg/review"
)

// Whatever a workload looks like, it is never refused; and whatever a pod looks like, what
// guards it has an answer.
func FuzzTemplates(f *testing.F) {
	reviewer := review.Reviewer{Policies: newEngine(f), Now: func() time.Time { return noon }}
	var facts *review.Objects
	for _, pattern := range []string{"templates", "guard"} {
		files, err := filepath.Glob(filepath.Join("testdata", pattern, "*.txtar"))
		if err != nil || len(files) == 0 {
			f.Fatalf("testdata/%s has no cases: %v", pattern, err)
		}
		for _, file := range files {
			c := readCase(f, file)
			request, err := review.Decode(c.review)
			if err != nil {
				f.Fatal(err)
			}
			facts = c.facts
			f.Add(string(request.Object))
		}
	}
	f.Fuzz(func(t *testing.T, object string) {
		workload := &review.Request{UID: "u", Operation: review.Create, Namespace: "shop", Object: []byte(object),
			Kind:     review.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"},
			Resource: review.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}}
		if got := reviewer.Templates(t.Context(), workload, facts); !got.Allowed || got.Message != "" {
			t.Errorf("a workload is refused: %+v", got)
		}
		pod := &review.Request{UID: "u", Operation: review.Create, Namespace: "shop", Object: []byte(object),
			Kind: review.GroupVersionKind{Version: "v1", Kind: "Pod"}, Resource: review.GroupVersionResource{Version: "v1", Resource: "pods"}}
		if got := reviewer.Guard(t.Context(), pod, facts); !got.Allowed && got.Message == "" {
			t.Errorf("a pod is refused without a word: %+v", got)
		}
	})
}
