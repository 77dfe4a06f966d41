package plugin

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/dbtether/kubectl-dbtether/pkg/policy"
)

var configMaps = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}

// replica is what one replica of the webhook says of its policies.
type replica struct {
	Name string `json:"name"`
	// Version is that of its program, "" where it does not say.
	Version string `json:"version,omitempty"`
	// Revision is that of the policies it decides by, since Loaded.
	Revision string    `json:"revision"`
	Loaded   time.Time `json:"loaded,omitzero"`
	// Tried is when it last read the policies, and Error why it could not take them.
	Tried time.Time `json:"tried,omitzero"`
	Error string    `json:"error,omitempty"`
	// Current is whether it decides by the policies that were read here, and Differs
	// whether it does not: neither, where those do not load.
	Current bool `json:"current"`
	Differs bool `json:"differs"`
}

// replicas reads what the webhook says of its policies; none where it is not installed.
// Revision is that of the policies as they were read here, "" where they do not load.
func (e *Environment) replicas(ctx context.Context, place *policyPlace, revision string) ([]replica, error) {
	kube, err := e.Dynamic()
	if err != nil {
		return nil, err
	}
	object, err := kube.Resource(configMaps).Namespace(place.namespace).Get(ctx, policy.StatusName, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return []replica{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read what the webhook has loaded: %w", err)
	}
	data, _, err := unstructured.NestedStringMap(object.Object, "data")
	if err != nil {
		return nil, fmt.Errorf("read ConfigMap %q: %w", policy.StatusName, err)
	}
	return readReplicas(data, revision), nil
}

// readReplicas returns what stands under each replica's name, in their order.
func readReplicas(data map[string]string, revision string) []replica {
	all := []replica{}
	for _, name := range slices.Sorted(maps.Keys(data)) {
		var said policy.Report
		if err := json.Unmarshal([]byte(data[name]), &said); err != nil {
			said = policy.Report{Error: fmt.Sprintf("what it says cannot be read: %v", err)}
		}
		r := replica{Name: name, Version: said.Version, Revision: said.Revision, Loaded: said.Loaded, Tried: said.Tried, Error: said.Error}
		r.Current = revision != "" && r.Revision == revision
		r.Differs = revision != "" && !r.Current
		all = append(all, r)
	}
	return all
}

// says returns the state of a replica in words.
func (r replica) says() string {
	switch {
	case r.Error != "":
		return "cannot load what is there now: " + r.Error
	case r.Differs:
		return "has other policies than are there now"
	case !r.Current:
		return "decides by what it loaded then"
	default:
		return "has these policies"
	}
}
