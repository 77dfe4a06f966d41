package check

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/dbtether/kubectl-dbtether/pkg/install"
)

// Definitions are the resource definitions of group dbtether.io.
type Definitions struct {
	Shipped Shipped
	Seen    Objects
	// Record is the ConfigMap that the command install has left, and Own the version of
	// this program.
	Record Objects
	Own    string
}

// The checks of definitions.
const (
	checkDefinitionsRead = "definitions-read"
	checkInstalled       = "definition-installed"
	checkEstablished     = "definition-established"
	checkSchema          = "definition-schema"
	checkStored          = "definition-stored-versions"
	checkInstalledBy     = "definition-version"
)

// Findings returns what is found of them.
func (d Definitions) Findings() []Finding {
	var f findings
	if f.unread(checkDefinitionsRead, "the resource definitions", d.Seen.Err) {
		return f
	}
	d.version(&f)
	shipped := d.Shipped.kind(kindCRD)
	for i := range shipped {
		have := d.Seen.named(shipped[i].GetName())
		if have == nil {
			f.add(checkInstalled, LevelError, fixCRDs, "the definition %s is not installed", shipped[i].GetName())
			continue
		}
		f.definition(&shipped[i], have)
	}
	f.okUnless(checkInstalled, "the %s are installed", plural(len(shipped), "resource definition"))
	if slices.ContainsFunc(f, func(x Finding) bool { return x.Check == checkInstalled && x.Level == LevelError }) {
		return f // the rest is said of those that are there, where it is not well
	}
	f.okUnless(checkEstablished, "the API server serves them")
	f.okUnless(checkSchema, "their fields are those of this version")
	f.okUnless(checkStored, "everything is stored in versions that they have")
	return f
}

// definition says what is wrong with a definition that is installed.
func (f *findings) definition(shipped, have *unstructured.Unstructured) {
	name := have.GetName()
	if status, reason := condition(have.Object, "Established"); status != "True" {
		f.add(checkEstablished, LevelError, "see why: kubectl describe crd "+name, "the API server does not serve %s%s", name, because(reason))
	}
	if status, reason := condition(have.Object, "NonStructuralSchema"); status == "True" {
		f.add(checkEstablished, LevelError, fixCRDs, "the schema of %s is not structural%s", name, because(reason))
	}
	f.schema(LevelError, shipped, have)
	versions := versionsOf(shipped)
	stored, _, _ := unstructured.NestedStringSlice(have.Object, "status", "storedVersions")
	for _, version := range stored {
		if !slices.Contains(versions, version) {
			f.add(checkStored, LevelError, "write them anew: kubectl get "+name+" -A -o json | kubectl replace -f -, then take "+version+" off status.storedVersions",
				"objects of %s are stored as %s, which this version does not have", name, version)
		}
	}
}

// schema says whether a definition is older or newer than the shipped one, by the fields
// that only one of the two has. older is the level of a definition that is older.
func (f *findings) schema(older Level, shipped, have *unstructured.Unstructured) {
	name := have.GetName()
	missing, further := install.Lost(shipped, have), install.Lost(have, shipped)
	switch {
	case len(missing) > 0 && len(further) > 0:
		f.add(checkSchema, LevelError, "see whose it is: kubectl describe crd "+name+"; to replace it, "+fixCRDs,
			"the definition %s is another one than that of this version: it has not %s, and has %s", name, few(missing), few(further))
	case len(missing) > 0:
		f.add(checkSchema, older, fixCRDs, "the definition %s is older than this version: it has not %s", name, few(missing))
	case len(further) > 0:
		f.add(checkSchema, LevelWarning, "use the version of kubectl dbtether that installed it, or a later one",
			"the definition %s is newer than this version: it has %s", name, few(further))
	case rulesDiffer(shipped, have):
		f.add(checkSchema, LevelWarning, fixCRDs, "the definition %s has the fields of this version, with other rules", name)
	}
}

// versionsOf returns the names of a definition's versions.
func versionsOf(definition *unstructured.Unstructured) []string {
	var names []string
	for _, version := range objectsAt(definition.Object, "spec", "versions") {
		names = append(names, textAt(version, "name"))
	}
	return names
}

// rulesDiffer reports whether what two definitions of the same fields say of them is
// not the same, descriptions included: these are what kubectl explain shows.
func rulesDiffer(shipped, have *unstructured.Unstructured) bool {
	wanted := objectsAt(shipped.Object, "spec", "versions")
	for i, version := range objectsAt(have.Object, "spec", "versions") {
		if i >= len(wanted) || len(differences(wanted[i]["schema"], version["schema"], "")) > 0 {
			return true
		}
	}
	return false
}

// condition returns the status and the message of a condition of an object.
func condition(object map[string]any, kind string) (status, message string) {
	for _, c := range objectsAt(object, "status", "conditions") {
		if textAt(c, "type") == kind {
			return textAt(c, "status"), textAt(c, "message")
		}
	}
	return "", ""
}

// because returns a reason as the end of a sentence, "" for none.
func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}
