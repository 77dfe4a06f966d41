package plugin

import (
	"fmt"
	"maps"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// rewrite turns the dbtether operator's spelling of a DatabaseUser into ours, in
// place, and returns a line for each field that it moved. What has no equivalent
// is an error. The object's namespace has to be set. It does no I/O.
func rewrite(object *unstructured.Unstructured) (changes []string, err error) {
	spec, ok := object.Object["spec"].(map[string]any)
	if !ok || object.GetKind() != v1alpha1.KindDatabaseUser {
		return nil, nil
	}
	moved, err := rewriteDatabase(spec)
	if err != nil {
		return nil, err
	}
	changes = append(changes, moved...)
	if moved, err = rewriteSecret(spec); err != nil {
		return nil, err
	}
	changes = append(changes, moved...)
	dropped, err := dropOwnNamespace(spec, object.GetNamespace())
	return append(changes, dropped...), err
}

// rewriteDatabase moves spec.database, or the only one of spec.databases, to
// spec.databaseRef and its privileges to spec.privileges.
func rewriteDatabase(spec map[string]any) ([]string, error) {
	from := "spec.database"
	database, found := spec["database"]
	if several, has := spec["databases"]; has {
		if found {
			return nil, fmt.Errorf("spec.database and spec.databases are both set")
		}
		list, _ := several.([]any)
		if len(list) != 1 {
			return nil, Hinted(fmt.Errorf("spec.databases has %d entries, and a DatabaseUser has one database", len(list)),
				"write one DatabaseUser for each database")
		}
		from, database, found = "spec.databases[0]", list[0], true
	}
	if !found {
		return nil, nil
	}
	if _, has := spec["databaseRef"]; has {
		return nil, fmt.Errorf("%s and spec.databaseRef are both set", from)
	}
	fields, ok := database.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%s is not an object with a name", from)
	}
	changes := []string{fmt.Sprintf("%s is now spec.databaseRef", from)}
	ref := maps.Clone(fields)
	if privileges, has := ref["privileges"]; has {
		// The entry's own privileges override the general ones.
		spec["privileges"] = privileges
		delete(ref, "privileges")
		changes = append(changes, fmt.Sprintf("%s.privileges is now spec.privileges", from))
	}
	delete(spec, "database")
	delete(spec, "databases")
	spec["databaseRef"] = ref
	return changes, nil
}

// rewriteSecret moves spec.secret to spec.secretTemplate, its template to format
// and its key user to username.
func rewriteSecret(spec map[string]any) ([]string, error) {
	secret, found := spec["secret"]
	if !found {
		return nil, nil
	}
	if _, has := spec["secretTemplate"]; has {
		return nil, fmt.Errorf("spec.secret and spec.secretTemplate are both set")
	}
	fields, ok := secret.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("spec.secret is not an object")
	}
	changes := []string{"spec.secret is now spec.secretTemplate"}
	template := maps.Clone(fields)
	if format, has := template["template"]; has {
		template["format"] = format
		delete(template, "template")
		changes = append(changes, "spec.secret.template is now spec.secretTemplate.format")
	}
	if keys, ok := template["keys"].(map[string]any); ok {
		if name, has := keys["user"]; has {
			renamed := maps.Clone(keys)
			renamed["username"] = name
			delete(renamed, "user")
			template["keys"] = renamed
			changes = append(changes, "spec.secret.keys.user is now spec.secretTemplate.keys.username")
		}
	}
	delete(spec, "secret")
	spec["secretTemplate"] = template
	return changes, nil
}

// dropOwnNamespace removes spec.databaseRef.namespace where it says what holds
// anyway.
func dropOwnNamespace(spec map[string]any, own string) ([]string, error) {
	ref, _ := spec["databaseRef"].(map[string]any)
	namespace, found := ref["namespace"]
	switch {
	case !found:
		return nil, nil
	case namespace != own && namespace != "":
		return nil, Hinted(fmt.Errorf("the database is in namespace %q, the DatabaseUser in %q", namespace, own),
			"put the DatabaseUser into the namespace of its Database")
	}
	delete(ref, "namespace")
	return []string{"spec.databaseRef.namespace is left out: it is the own namespace"}, nil
}
