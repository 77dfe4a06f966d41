package plugin

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// A right that is missing on the way through the API server is no fault of the DBCluster.
func TestHintForward(t *testing.T) {
	forbidden := apierrors.NewForbidden(schema.GroupResource{Resource: "services"}, "postgres", errors.New("no"))
	err := hintForward(fmt.Errorf("forward to service %q: %w", "postgres", forbidden), "databases")
	for _, part := range []string{"namespace databases", "get services", "list pods", "create pods/portforward"} {
		if hint := explain(err).hint; !strings.Contains(hint, part) {
			t.Errorf("the hint has no %q: %s", part, hint)
		}
	}
	other := Hinted(errors.New("none of its pods runs"), "see them")
	if got := hintForward(other, "databases"); explain(got).hint != "see them" {
		t.Errorf("the hint of another error is %q", explain(got).hint)
	}
}
