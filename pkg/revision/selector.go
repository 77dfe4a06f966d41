package revision

import "github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"

// Selector returns the selector of the labels of a Secret's revisions. Another long name
// may have the same label: its revisions are called after it.
func Selector(name string) string { return v1alpha1.LabelRevisionOf + "=" + labelValue(name) }
