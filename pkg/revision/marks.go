package revision

import (
	"encoding/json"
	"maps"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// Marks are the labels and annotations of a deleted Secret that an undeletion brings back.
type Marks struct {
	Labels map[string]string `json:"labels,omitempty"`
	// Annotations are those of ours that a person has set. Others are not kept: they may
	// hold values, as that of kubectl apply does.
	Annotations map[string]string `json:"annotations,omitempty"`
}

// ownMarks are the annotations that are kept.
var ownMarks = []string{v1alpha1.AnnotationHistoryLimit, v1alpha1.AnnotationExpiresAt, v1alpha1.AnnotationRotation, v1alpha1.AnnotationRotatedAt, v1alpha1.AnnotationProtected}

// maxMarks is how many bytes are kept at most: a revision has room for no more.
const maxMarks = 32 << 10

// newMarks returns the labels and annotations of the live Secret that are kept, as JSON;
// empty where there are none, or more than fit.
func newMarks(now *Standing) string {
	m := Marks{Labels: maps.Clone(now.Labels()), Annotations: map[string]string{}}
	delete(m.Labels, v1alpha1.LabelManaged)
	for _, name := range ownMarks {
		if value, has := now.Annotations()[name]; has {
			m.Annotations[name] = value
		}
	}
	text, err := json.Marshal(m)
	if err != nil || len(m.Labels)+len(m.Annotations) == 0 || len(text) > maxMarks {
		return ""
	}
	return string(text)
}

// Marked returns the labels and annotations that the Secret had before it was deleted; none
// where that is not known.
func (s *Standing) Marked() Marks {
	var m Marks
	if newest, found := last(s.Entries); found && newest.Deletes && s.Live == nil {
		_ = json.Unmarshal([]byte(newest.Marks), &m) // what cannot be read says nothing
	}
	return m
}
