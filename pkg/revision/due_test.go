package revision_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/revision"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const monthly = `{"days":30,"keys":{"A":{"generator":"alnum"},"B":{"generator":"uuid"}}}`

// inWords says what is due.
func inWords(d revision.Due) string {
	var said []string
	if len(d.Rotate) > 0 {
		said = append(said, "rotate "+strings.Join(slices.Sorted(maps.Keys(d.Rotate)), ","))
	}
	if !d.Expired.IsZero() {
		said = append(said, "expired "+d.Expired.Format(time.RFC3339))
	}
	for _, e := range d.Excess {
		said = append(said, fmt.Sprintf("v%d", e.Number))
	}
	if d.Err != nil {
		said = append(said, strings.ReplaceAll(d.Err.Error(), "\n", "; "))
	}
	return strings.Join(said, " | ")
}

func TestDue(t *testing.T) {
	const rotation, rotatedAt, expiresAt, limit = v1alpha1.AnnotationRotation, v1alpha1.AnnotationRotatedAt, v1alpha1.AnnotationExpiresAt, v1alpha1.AnnotationHistoryLimit
	for _, c := range []struct {
		name  string
		notes map[string]string
		want  string
	}{
		{"nothing is asked for", nil, ""},
		{"rotated a moment ago", map[string]string{rotation: monthly, rotatedAt: "2026-02-28T12:00:00Z"}, ""},
		{"a second before", map[string]string{rotation: monthly, rotatedAt: "2026-01-30T12:00:01Z"}, ""},
		{"on the second", map[string]string{rotation: monthly, rotatedAt: "2026-01-30T12:00:00Z"}, "rotate A,B"},
		{"in another time zone", map[string]string{rotation: monthly, rotatedAt: "2026-01-30T13:00:01+01:00"}, ""},
		{"long ago", map[string]string{rotation: monthly, rotatedAt: "2020-01-01T00:00:00Z"}, "rotate A,B"},
		{"rotated in the future, so that the history has to be asked", map[string]string{rotation: monthly, rotatedAt: "2030-01-01T00:00:00Z"}, "rotate A,B"},
		{"nobody knows when", map[string]string{rotation: monthly}, "rotate A,B"},
		{"no rules any more", map[string]string{rotatedAt: "2020-01-01T00:00:00Z"}, ""},
		{"no rules, and a time that is none", map[string]string{rotatedAt: "x"}, ""},
		{"broken rules", map[string]string{rotation: `{"days":0}`}, `read annotation dbtether.io/rotation of secret "app" in namespace "shop": days is between 1 and 3650, not 0`},
		{"a time that is none", map[string]string{rotation: monthly, rotatedAt: "yesterday"}, `read annotation dbtether.io/rotated-at of secret "app" in namespace "shop": "yesterday" is no time like 2030-01-31T00:00:00Z`},
		{"expires later", map[string]string{expiresAt: "2026-03-01T12:00:01Z"}, ""},
		{"expires now", map[string]string{expiresAt: "2026-03-01T12:00:00Z"}, "expired 2026-03-01T12:00:00Z"},
		{"expired, and due", map[string]string{expiresAt: "2026-03-01T00:00:00Z", rotation: monthly}, "rotate A,B | expired 2026-03-01T00:00:00Z"},
		{"expires some day, and due", map[string]string{expiresAt: "never", rotation: monthly}, `rotate A,B | read annotation dbtether.io/expires-at of secret "app" in namespace "shop": "never" is no time like 2030-01-31T00:00:00Z`},
		{"a credential", map[string]string{expiresAt: "2026-03-01T00:00:00Z", rotation: monthly, limit: "1", v1alpha1.AnnotationOwner: "u"}, ""},
		{"too many", map[string]string{limit: "2"}, "v3 | v5"},
		{"as many as there may be", map[string]string{limit: "4"}, ""},
		{"a limit that is none", map[string]string{limit: "-1"}, ""},
		{"what is live stays", map[string]string{limit: "1", v1alpha1.AnnotationRevision: "5"}, "v3"},
		{"what is live is beyond all numbers", map[string]string{limit: "1", v1alpha1.AnnotationRevision: "99999999999999999999"}, ""},
		{"it is not known what is live", map[string]string{limit: "1", v1alpha1.AnnotationRevision: ""}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := revision.Summary{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "app", Annotations: map[string]string{v1alpha1.AnnotationRevision: "8"}}}
			maps.Copy(m.Annotations, c.notes)
			for _, number := range []int64{3, 5, 7, 8} {
				m.Entries = append(m.Entries, revision.Entry{Number: number})
			}
			d := m.Due(noon)
			if got := inWords(d); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if work := c.want != "" && !strings.HasPrefix(c.want, "expired"); d.Work() != work {
				t.Errorf("whether there is work is %t", d.Work())
			}
		})
	}
	deleting := revision.Summary{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{rotation: monthly}, DeletionTimestamp: &metav1.Time{Time: noon}}}
	if got := inWords(deleting.Due(noon)); got != "" {
		t.Errorf("of one that is being deleted: %s", got)
	}
}

// TestDueIsFoundByMetadata looks at a namespace: no value is read, and what is wrong with
// one Secret keeps nobody from the others.
func TestDueIsFoundByMetadata(t *testing.T) {
	f := newFixture(t)
	note := func(name string, notes map[string]string) {
		t.Helper()
		f.set(name, "A=1")
		var pairs []string
		for key, value := range notes {
			pairs = append(pairs, fmt.Sprintf("%q:%q", key, value))
		}
		f.patch(name, `{"metadata":{"annotations":{`+strings.Join(pairs, ",")+`}}}`)
	}
	note("idle", nil)
	note("rotating", map[string]string{v1alpha1.AnnotationRotation: monthly, v1alpha1.AnnotationRotatedAt: "2026-01-01T00:00:00Z"})
	note("broken", map[string]string{v1alpha1.AnnotationRotation: "monthly"})
	note("expired", map[string]string{v1alpha1.AnnotationExpiresAt: "2026-01-01T00:00:00Z"})
	f.set("long", "A=2")
	f.set("long", "A=3")
	note("long", map[string]string{v1alpha1.AnnotationHistoryLimit: "1"})
	note("forged", nil)
	f.foreign(corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "forged.v7", Labels: map[string]string{v1alpha1.LabelRevisionOf: "forged"}}})
	f.write(f.target("credential", "uid-1"), data("a=1"))
	f.patch("credential", `{"metadata":{"annotations":{"dbtether.io/expires-at":"2020-01-01T00:00:00Z"}}}`)
	f.foreign(corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "theirs", Annotations: map[string]string{v1alpha1.AnnotationRotation: monthly}}})
	for revisions, want := range map[bool]map[string]string{
		false: {"rotating": "rotate A,B", "expired": "expired 2026-01-01T00:00:00Z",
			"broken": `read annotation dbtether.io/rotation of secret "broken" in namespace "NS": it is no JSON object: invalid character 'm' looking for beginning of value`},
		true: {"long": "v1 | v2", "forged": `read revision NS/forged.v7: annotation dbtether.io/revision is not the number in its name`},
	} {
		if revisions {
			maps.Copy(want, map[string]string{"rotating": "rotate A,B", "expired": "expired 2026-01-01T00:00:00Z",
				"broken": `read annotation dbtether.io/rotation of secret "broken" in namespace "NS": it is no JSON object: invalid character 'm' looking for beginning of value`})
		}
		all, err := f.store.Due(t.Context(), f.namespace, noon, revisions)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, d := range all {
			got[d.Name] = strings.ReplaceAll(inWords(d), f.namespace, "NS")
		}
		if !maps.Equal(got, want) {
			t.Errorf("revisions %t: got %v, want %v", revisions, got, want)
		}
		for _, d := range all {
			if err := f.store.Trim(t.Context(), d); err != nil {
				t.Error(err)
			}
		}
	}
	if entries := f.stand("long").Entries; len(entries) != 1 || entries[0].Number != 3 {
		t.Errorf("what is left is %+v", entries)
	}
}
