package plugin

import (
	"encoding/json"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// A status answers whoever waits only if it is of what stands now: this generation, and
// the rotation that was asked for last.
func TestProvisioned(t *testing.T) {
	for _, c := range []struct {
		name, asked, status string
		answered            bool
		says                string
	}{
		{"nobody has looked", "", `{}`, false, ""},
		{"an earlier generation", "", `{"phase":"Ready","observedGeneration":1}`, false, ""},
		{"ready", "", `{"phase":"Ready","observedGeneration":2}`, true, ""},
		{"expired", "", `{"phase":"Expired","observedGeneration":2}`, true, ""},
		{"failed", "", `{"phase":"Failed","observedGeneration":2,"message":"no room"}`, true, `DatabaseUser "api": no room`},
		{"rotated", "r2", `{"phase":"Ready","observedGeneration":2,"rotation":{"request":"r2"}}`, true, ""},
		{"the rotation before", "r2", `{"phase":"Ready","observedGeneration":2,"rotation":{"request":"r1"}}`, false, ""},
		{"a failure before the rotation", "r2", `{"phase":"Failed","observedGeneration":2,"message":"no room","rotation":{"request":"r1","waitingRequest":"r1"}}`, false, ""},
		{"a failure before any rotation", "r2", `{"phase":"Failed","observedGeneration":2,"message":"no room"}`, false, ""},
		{"a rotation that failed", "r2", `{"phase":"Failed","observedGeneration":2,"message":"no room","rotation":{"request":"r1","waitingRequest":"r2"}}`, true, `DatabaseUser "api": no room`},
		{"a failure after the rotation", "r2", `{"phase":"Failed","observedGeneration":2,"message":"no room","rotation":{"request":"r2"}}`, true, `DatabaseUser "api": no room`},
		{"a rotation that has to wait", "r2", `{"phase":"Ready","observedGeneration":2,"message":"the one before is not over","rotation":{"request":"r1","waitingRequest":"r2"}}`, true, `DatabaseUser "api": the one before is not over`},
	} {
		object := &unstructured.Unstructured{Object: map[string]any{"kind": "DatabaseUser"}}
		var status map[string]any
		if err := json.Unmarshal([]byte(c.status), &status); err != nil {
			t.Fatal(err)
		}
		if n, is := status["observedGeneration"].(float64); is {
			status["observedGeneration"] = int64(n)
		}
		object.Object["status"] = status
		object.SetName("api")
		object.SetGeneration(2)
		if c.asked != "" {
			object.SetAnnotations(map[string]string{"dbtether.io/rotate": c.asked})
		}
		answered, err := provisioned(object)
		said := ""
		if err != nil {
			said = err.Error()
		}
		if answered != c.answered || said != c.says {
			t.Errorf("%s: %v, %q", c.name, answered, said)
		}
	}
}
