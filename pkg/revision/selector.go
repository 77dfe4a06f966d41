package revision

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// Selector returns the label selector of the revisions of a Secret. Those of another Secret
// with a long name may have the same label: their names tell them apart.
func Selector(name string) string { return v1alpha1.LabelRevisionOf + "=" + labelValue(name) }

// labelValue returns a name as a label value, which takes 63 characters: a longer
// name is cut and a hash of the whole appended.
func labelValue(name string) string {
	if len(name) <= 63 {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return strings.TrimRight(name[:46], ".-") + "-" + hex.EncodeToString(sum[:8])
}
