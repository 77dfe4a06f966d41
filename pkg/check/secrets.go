package check

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/revision"
)

// Secrets are the managed Secrets and their revisions. Of their values nothing is ever
// in a finding.
type Secrets struct {
	Err       error
	Managed   []corev1.Secret
	Revisions []corev1.Secret
	Work      Work
}

// The checks of Secrets.
const (
	checkSecretsRead = "secrets-read"
	checkLeak        = "secrets-annotations"
	checkOrphans     = "secrets-revisions-orphaned"
	checkMany        = "secrets-revisions-many"
)

// Findings returns what is found of them.
func (s Secrets) Findings() []Finding {
	var f findings
	if f.unread(checkSecretsRead, "the managed Secrets", s.Err) {
		return f
	}
	if len(s.Managed)+len(s.Revisions) == 0 {
		f.ok(checkLeak, "there are no managed Secrets")
		return f
	}
	for i := range s.Managed {
		s.leaks(&f, &s.Managed[i])
	}
	for i := range s.Revisions {
		s.leaks(&f, &s.Revisions[i])
	}
	s.revisions(&f)
	f.okUnless(checkLeak, "no annotation of the %s holds a value", plural(len(s.Managed), "managed Secret"))
	f.okUnless(checkOrphans, "each of the %s has an owner", plural(len(s.Revisions), "revision"))
	f.okUnless(checkMany, "none has more than %d revisions", revision.Kept)
	return f
}

// leaks says which annotations of a Secret hold values of it: everything that prints
// objects shows them in clear.
func (s Secrets) leaks(f *findings, secret *corev1.Secret) {
	object := secret.Namespace + "/" + secret.Name
	for _, name := range slices.Sorted(maps.Keys(secret.Annotations)) {
		fix := fmt.Sprintf("take it off: kubectl annotate secret %s -n %s %s-; then replace what it holds: %s", secret.Name, secret.Namespace, name, s.replacing(secret))
		text := secret.Annotations[name]
		switch {
		case holds(text, secretValues(secret.Data)):
			f.add(checkLeak, LevelError, fix, "the annotation %s of Secret %s holds a value of it", name, object)
		case name == corev1.LastAppliedConfigAnnotation && hasData(text):
			f.add(checkLeak, LevelWarning, fix, "the annotation %s of Secret %s holds what its values were when somebody applied it", name, object)
		}
	}
}

// replacing returns the command that makes what a Secret holds worthless.
func (s Secrets) replacing(secret *corev1.Secret) string {
	owner := secret.Annotations[v1alpha1.AnnotationOwner]
	for i := range s.Work.Users {
		if u := &s.Work.Users[i]; owner != "" && string(u.UID) == owner {
			return fmt.Sprintf("kubectl dbtether user rotate %s -n %s", u.Name, u.Namespace)
		}
	}
	return "kubectl dbtether user rotate USER -n " + secret.Namespace
}

// public are the keys of a credential that are no secret (Service Binding
// specification). Their values may stand anywhere, under other keys too.
var public = []string{"type", "provider", "host", "port", "database", "username", "sslmode"}

// shortest is how long a value has to be to be sought: shorter ones are found everywhere.
const shortest = 8

// secretValues returns the values of a Secret that nobody else should see.
func secretValues(data map[string][]byte) []string {
	var open []string
	for _, key := range public {
		open = append(open, string(data[key]))
	}
	var values []string
	for _, value := range data {
		if text := string(value); len(text) >= shortest && !slices.Contains(open, text) {
			values = append(values, text)
		}
	}
	return values
}

// holds reports whether a text has one of the values in it, as it is, in JSON or in
// base64.
func holds(text string, values []string) bool {
	return slices.ContainsFunc(values, func(value string) bool {
		quoted, err := json.Marshal(value)
		return strings.Contains(text, value) || strings.Contains(text, base64.StdEncoding.EncodeToString([]byte(value))) ||
			err == nil && strings.Contains(text, strings.Trim(string(quoted), `"`))
	})
}

// hasData reports whether what somebody applied had values.
func hasData(applied string) bool {
	var object struct {
		Data       map[string]any `json:"data"`
		StringData map[string]any `json:"stringData"`
	}
	return json.Unmarshal([]byte(applied), &object) == nil && len(object.Data)+len(object.StringData) > 0
}

var revisionName = regexp.MustCompile(`^(.+)\.v[0-9]+$`)

// revisions says which have neither a Secret nor an owner any more, and which Secrets
// have too many. What was taken over from somebody has no owner on purpose: it stays
// until a person deletes it.
func (s Secrets) revisions(f *findings) {
	live, owners := map[types.NamespacedName]bool{}, map[string]bool{}
	for i := range s.Managed {
		live[types.NamespacedName{Namespace: s.Managed[i].Namespace, Name: s.Managed[i].Name}] = true
	}
	for i := range s.Work.Users {
		owners[string(s.Work.Users[i].UID)] = true
	}
	count := map[types.NamespacedName]int{}
	var orphans []string
	for i := range s.Revisions {
		r := &s.Revisions[i]
		match := revisionName.FindStringSubmatch(r.Name)
		if match == nil {
			continue
		}
		of := types.NamespacedName{Namespace: r.Namespace, Name: match[1]}
		count[of]++
		owner := r.Annotations[v1alpha1.AnnotationOwner]
		if owner != "" && !owners[owner] && !live[of] && s.Work.UsersErr == nil {
			orphans = append(orphans, r.Namespace+"/"+r.Name)
		}
	}
	if len(orphans) > 0 {
		slices.Sort(orphans)
		namespace, name, _ := strings.Cut(orphans[0], "/")
		f.add(checkOrphans, LevelWarning, fmt.Sprintf("if nobody needs them, delete each: kubectl delete secret %s -n %s", name, namespace),
			"%s of Secrets that are gone, as are their users: %s", plural(len(orphans), "revision"), few(orphans))
	}
	for _, of := range slices.SortedFunc(maps.Keys(count), func(a, b types.NamespacedName) int { return strings.Compare(a.String(), b.String()) }) {
		if count[of] > revision.Kept {
			f.add(checkMany, LevelWarning, "the next run that writes it removes the oldest: kubectl dbtether reconcile -n "+of.Namespace,
				"Secret %s has %d revisions, %d are kept", of, count[of], revision.Kept)
		}
	}
}
