package skew

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/install"
)

// A later version is installed, whose resources have fields that this one does not know:
// they outlive every write of this plugin, which says that it is behind, and it does not
// take the later version's place unless that is asked for.
func TestLaterVersion(t *testing.T) {
	s := newSite(t, testenv.Newest, 18, present)
	s.use(present)
	s.install()
	s.becomeLater()
	w := walk{s, "later"}
	w.provision()
	w.setLater()
	w.do("", "dbtether cluster update later --allowed-namespaces later,other")
	w.do("", w.in("dbtether db create "+w.database()+" --cluster later --user "+w.user()))
	w.do("", w.in("dbtether user grant "+w.reader()+" --database "+w.database()+" --privileges readwrite"))
	w.rotate()
	w.reconcile()
	w.do("apiVersion: dbtether.io/v1alpha1\nkind: Database\nmetadata: {name: "+w.database()+"}\nspec: {clusterRef: {name: later}, connectionLimit: 50}\n", w.in("dbtether apply --force-conflicts -f -"))
	w.keptLater("kept")

	found := s.do("", "dbtether check definitions")
	for _, said := range []string{"note     what is installed is of version v0.6.0, this plugin of v0.5.0", "the definition databases.dbtether.io is newer than this version: it has v1alpha1 spec.later, v1alpha1 status.later"} {
		if !strings.Contains(found, said) {
			t.Errorf("check does not say %q:\n%s", said, found)
		}
	}
	line := "dbtether install --image-version v1.0.0 --webhook-url " + s.webhook.URL
	s.refused(1, `error: nothing was installed:
       version v0.6.0 is installed, and this is v0.5.0
       CustomResourceDefinition databases.dbtether.io has fields that this version does not know, and whose values would be lost: v1alpha1 spec.later, v1alpha1 status.later
`, "", line)
	w.keptLater("kept")
	s.do("", line+" --allow-downgrade")
	w.keptLater("")
	s.do("", line)
}

// laterKinds are those whose definitions get fields.
var laterKinds = []string{"dbclusters", "databases", "databaseusers"}

// becomeLater makes of the installation what a later version would have made.
func (s *site) becomeLater() {
	s.t.Helper()
	for _, kind := range laterKinds {
		definition := s.written("default", "customresourcedefinition", kind+".dbtether.io")
		version := definition.Object["spec"].(map[string]any)["versions"].([]any)[0].(map[string]any)
		for _, part := range []string{"spec", "status"} {
			if err := unstructured.SetNestedField(version, "string", "schema", "openAPIV3Schema", "properties", part, "properties", "later", "type"); err != nil {
				s.t.Fatal(err)
			}
		}
		s.installs(definition)
	}
	record := s.written(v1alpha1.SystemNamespace, "configmap", install.RecordName)
	record.Object["data"].(map[string]any)["plugin"] = "v0.6.0"
	s.installs(record)
}

// written reads an object without what the API server keeps in it.
func (s *site) written(namespace, kind, name string) unstructured.Unstructured {
	s.t.Helper()
	var object unstructured.Unstructured
	s.read(&object.Object, namespace, kind, name)
	for _, field := range []string{"managedFields", "resourceVersion", "uid", "generation", "creationTimestamp"} {
		unstructured.RemoveNestedField(object.Object, "metadata", field)
	}
	delete(object.Object, "status")
	return object
}

// installs applies an object as the command install does.
func (s *site) installs(object unstructured.Unstructured) {
	s.t.Helper()
	text, err := json.Marshal(object.Object)
	if err != nil {
		s.t.Fatal(err)
	}
	s.do(string(text), "apply --server-side --field-manager "+v1alpha1.FieldManager+" -f -")
}

// later calls a function with the words that name each resource of the walk.
func (w walk) later(do func(object string)) {
	do("dbclusters " + w.name)
	do(w.in("databases " + w.database()))
	do(w.in("databaseusers " + w.user()))
	do(w.in("databaseusers " + w.reader()))
}

func (w walk) setLater() {
	w.t.Helper()
	w.later(func(object string) {
		w.do("", "patch "+object+` --type=merge -p {"spec":{"later":"kept"}}`)
		w.do("", "patch "+object+` --type=merge --subresource=status -p {"status":{"later":"kept"}}`)
	})
}

// keptLater compares what the fields hold.
func (w walk) keptLater(want string) {
	w.t.Helper()
	w.later(func(object string) {
		if got := w.do("", "get "+object+" -o jsonpath={.spec.later},{.status.later}"); got != fmt.Sprintf("%s,%[1]s", want) {
			w.t.Errorf("%s: spec and status hold %q, want %q twice", object, got, want)
		}
	})
}
