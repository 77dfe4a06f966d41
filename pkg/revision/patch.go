package revision

import (
	"slices"
	"strconv"
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

// changes returns the merge patch (RFC 7396) from the live data to data: the values that
// differ, and nil for keys that are to go. Under Merge only keys go that we wrote before.
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

// ownersOf returns the owner references that the live Secret should have, those of others
// among them, and whether that differs from what it has: the resource may have begun or
// ceased to own its Secret.
func (t Target) ownersOf(live *Live) ([]metav1.OwnerReference, bool) {
	ours := func(o metav1.OwnerReference) bool { return o.UID == t.OwnerUID }
	have := live.object.OwnerReferences
	if slices.ContainsFunc(have, ours) == (t.OwnerReference != nil) {
		return have, false
	}
	return append(slices.DeleteFunc(slices.Clone(have), ours), t.owners()...), true
}

// ownNotes returns the annotations by which a live Secret says which revision it holds.
func ownNotes(r Revision) map[string]string {
	return map[string]string{v1alpha1.AnnotationRevision: strconv.FormatInt(r.Number, 10), v1alpha1.AnnotationKeys: keyList(r.Data)}
}

// contentPatch returns the merge patch that makes a live Secret hold a revision and have the
// notes; nil where it does already.
func contentPatch(live *Live, r Revision, notes map[string]*string) map[string]any {
	return withNotes(livePatch(live, Target{}, r.Data, ownNotes(r)), live, notes)
}

// withNotes returns the patch with those notes added that the live Secret does not have; both
// patches may be nil.
func withNotes(patch map[string]any, live *Live, notes map[string]*string) map[string]any {
	for key, value := range notes {
		is, has := live.object.Annotations[key]
		if value == nil && !has || value != nil && has && is == *value {
			continue
		}
		if patch == nil {
			patch = map[string]any{"metadata": map[string]any{"resourceVersion": live.ResourceVersion}}
		}
		meta, _ := patch["metadata"].(map[string]any)
		if meta["annotations"] == nil {
			meta["annotations"] = map[string]any{}
		}
		annotations, _ := meta["annotations"].(map[string]any)
		annotations[key] = nil
		if value != nil {
			annotations[key] = *value
		}
	}
	return patch
}
