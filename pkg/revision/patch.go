package revision

import (
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// livePatch returns the merge patch (RFC 7396) from the live Secret to data,
// annotations, label and owner, bound to the version that was read; nil when nothing
// differs.
func livePatch(live *Live, target Target, data secret.Data, annotations map[string]string) map[string]any {
	changed := live.changes(data, target)
	notes := map[string]any{}
	for key, value := range annotations {
		if live.object.Annotations[key] != value {
			notes[key] = value
		}
	}
	meta, patch := map[string]any{}, map[string]any{}
	if len(notes) > 0 {
		meta["annotations"] = notes
	}
	if !live.Managed {
		meta["labels"] = map[string]any{v1alpha1.LabelManaged: "true"}
	}
	if owners, differ := target.ownersOf(live); differ {
		meta["ownerReferences"] = owners
	}
	if len(changed) > 0 {
		patch["data"] = changed
	}
	if len(changed) == 0 && len(meta) == 0 {
		return nil
	}
	meta["resourceVersion"] = live.ResourceVersion
	patch["metadata"] = meta
	return patch
}

// changes returns the patch (RFC 7396) from the live data to data: what differs,
// and nil for what is too much. Under Merge that is what we wrote before.
func (l *Live) changes(data secret.Data, target Target) map[string]any {
	changed := map[string]any{}
	for key, value := range data {
		if old, ok := l.Data[key]; !ok || string(old) != string(value) {
			changed[key] = value
		}
	}
	var ours []string
	if l.ownedBy(target) { // on another's Secret the annotation says nothing
		ours = strings.Split(l.object.Annotations[v1alpha1.AnnotationKeys], ",")
	}
	for key := range l.Data {
		_, wanted := data[key]
		if !wanted && (target.OnConflict != v1alpha1.ConflictMerge || slices.Contains(ours, key)) {
			changed[key] = nil
		}
	}
	return changed
}

func (t Target) owners() []metav1.OwnerReference {
	if t.OwnerReference == nil {
		return nil
	}
	return []metav1.OwnerReference{*t.OwnerReference}
}

// ownersOf returns the owner references that the live Secret should have, those of
// others among them, and whether it has others than that: the resource may have
// begun or ceased to own its Secret.
func (t Target) ownersOf(live *Live) ([]metav1.OwnerReference, bool) {
	ours := func(o metav1.OwnerReference) bool { return o.UID == t.OwnerUID }
	have := live.object.OwnerReferences
	if slices.ContainsFunc(have, ours) == (t.OwnerReference != nil) {
		return have, false
	}
	return append(slices.DeleteFunc(slices.Clone(have), ours), t.owners()...), true
}
