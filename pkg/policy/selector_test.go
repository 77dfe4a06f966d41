package policy

import (
	"context"
	"math/rand/v2"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// The policy's reading of a selector is Kubernetes' own, for random selectors over
// few keys and values; what Kubernetes refuses, the policy takes to match nothing.
func TestSelectorIsReadAsKubernetesReadsIt(t *testing.T) {
	e := builtIn(t)
	random := rand.New(rand.NewPCG(1, 2))
	keys, values := []string{"a", "b", "c"}, []string{"", "x", "y"}
	operators := []metav1.LabelSelectorOperator{"In", "NotIn", "Exists", "DoesNotExist", "Gt"}
	some := func() map[string]string {
		m := map[string]string{}
		for _, key := range keys {
			if random.IntN(3) > 0 {
				m[key] = values[random.IntN(len(values))]
			}
		}
		return m
	}
	admitted, refused := 0, 0
	for range 3000 {
		selector := &metav1.LabelSelector{}
		if random.IntN(3) == 0 {
			selector.MatchLabels = map[string]string{keys[random.IntN(3)]: values[random.IntN(3)]}
		}
		for range random.IntN(3) {
			requirement := metav1.LabelSelectorRequirement{Key: keys[random.IntN(3)], Operator: operators[random.IntN(len(operators))]}
			for range random.IntN(3) {
				requirement.Values = append(requirement.Values, values[random.IntN(3)])
			}
			selector.MatchExpressions = append(selector.MatchExpressions, requirement)
		}
		in := database(Cluster{Name: "main", Exists: true, NamespaceSelector: selector})
		in.Namespace.Labels = some()
		parsed, err := metav1.LabelSelectorAsSelector(selector)
		want := err == nil && parsed.Matches(labels.Set(in.Namespace.Labels))
		if got := e.Evaluate(context.Background(), AreaResources, in); got.Allow != want || got.Err != "" {
			t.Fatalf("selector %+v, labels %v: got %+v, Kubernetes says %v, %v", selector, in.Namespace.Labels, got, want, err)
		}
		if want {
			admitted++
		} else {
			refused++
		}
	}
	if admitted < 300 || refused < 300 {
		t.Errorf("%d admitted, %d refused: the sample says little", admitted, refused)
	}
}
