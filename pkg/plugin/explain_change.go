package plugin

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// change prints what injection would change about a pod of the cluster if it were created
// now, or about the pods of a workload. Where that is nothing, a note on stderr says why.
func (e *explaining) change(ctx context.Context, s *sight, o explainedObject, stands *unstructured.Unstructured) error {
	stands.SetGroupVersionKind(o.resource.GroupVersion().WithKind(o.kind))
	if err := s.readNamespace(ctx); err != nil {
		return err
	}
	pod, err := s.asPod(o, stands)
	if err != nil {
		return err
	}
	if err := s.readLimits(ctx, pod.ask); err != nil {
		return err
	}
	a, err := s.ask(ctx, stands, &e.place)
	if err != nil {
		return err
	}
	for _, line := range s.notSeen {
		s.env.note("not looked at: %s", line)
	}
	change := a.change()
	switch {
	case change != nil && !a.Judged():
		s.env.note("whether %s is allowed could not be found out: %s", o, firstFinding(a))
	case change != nil:
	case !a.Judged():
		s.env.note("what %s gets could not be found out: %s", o, firstFinding(a))
	case !a.Allowed && o.kind == podKind.kind:
		s.env.note("created again, %s would be refused: %s", o, firstFinding(a))
	case !a.Allowed:
		s.env.note("the pods of %s are refused: %s", o, firstFinding(a))
	case pod.ask == nil:
		s.env.note("%s asks for no credential", o)
	default:
		s.env.note("%s has what it asks for: created again, it would be as it is", o)
	}
	if e.patch {
		return printPatch(s.env, change)
	}
	if change == nil {
		return nil
	}
	from, to := o.String(), "injected"
	if o.kind == podKind.kind && len(pod.injections) > 0 {
		to = "created again"
	}
	before, err := withoutLastApplied(a.before)
	if err != nil {
		return err
	}
	after, err := withoutLastApplied(a.Object)
	if err != nil {
		return err
	}
	return writeDiff(s.env.Out, before, after, from, to)
}

// withoutLastApplied returns an object without kubectl apply's copy of the whole manifest.
func withoutLastApplied(object []byte) ([]byte, error) {
	u := &unstructured.Unstructured{}
	if err := json.Unmarshal(object, &u.Object); err != nil {
		return nil, err
	}
	unstructured.RemoveNestedField(u.Object, "metadata", "annotations", corev1.LastAppliedConfigAnnotation)
	return json.Marshal(u.Object)
}

// asPod returns the pod, or the one that a workload makes.
func (s *sight) asPod(o explainedObject, stands *unstructured.Unstructured) (runningPod, error) {
	if o.kind == podKind.kind {
		return newRunningPod(stands, s.namespace, s)
	}
	w, err := newWorkload(o.objectKind, stands, s.namespace, s)
	return w.pod, err
}

// printPatch prints a JSON Patch, each operation on a line of its own.
func printPatch(env *Environment, patch []byte) error {
	operations := []json.RawMessage{}
	if patch != nil {
		if err := json.Unmarshal(patch, &operations); err != nil {
			return err
		}
	}
	if len(operations) == 0 {
		_, err := fmt.Fprintln(env.Out, "[]")
		return err
	}
	text := &bytes.Buffer{}
	for i, operation := range operations {
		if i > 0 {
			text.WriteByte(',')
		}
		text.WriteString("\n  ")
		text.Write(operation)
	}
	_, err := fmt.Fprintf(env.Out, "[%s\n]\n", text)
	return err
}
