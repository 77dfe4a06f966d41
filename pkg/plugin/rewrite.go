package plugin

import (
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// rewrite turns the dbtether operator's spelling of a Database or a DatabaseUser
// into ours, in place, and returns a line for each field that it moved. What has no
// equivalent is an error. It does no I/O.
func rewrite(object *unstructured.Unstructured) (changes []string, err error) {
	spec, ok := object.Object["spec"].(map[string]any)
	if !ok {
		return nil, nil
	}
	var steps []func(map[string]any) ([]string, error)
	switch object.GetKind() {
	case v1alpha1.KindDatabase:
		steps = append(steps, rewriteExtensions)
	case v1alpha1.KindDatabaseUser:
		steps = append(steps, rewriteDatabase, rewritePrivileges, rewriteSecret)
	}
	for _, step := range steps {
		moved, err := step(spec)
		if err != nil {
			return nil, err
		}
		changes = append(changes, moved...)
	}
	return changes, nil
}

// rewriteDatabase moves spec.database to spec.databaseRef and spec.databases to
// spec.databaseRefs. Their entries have the same fields.
func rewriteDatabase(spec map[string]any) ([]string, error) {
	var changes []string
	for _, name := range []struct{ old, new string }{{"database", "databaseRef"}, {"databases", "databaseRefs"}} {
		value, found := spec[name.old]
		if !found {
			continue
		}
		for _, other := range []string{"databases", "databaseRef", "databaseRefs"} {
			if _, has := spec[other]; has && other != name.old {
				return nil, Hinted(fmt.Errorf("spec.%s and spec.%s are both set", name.old, other),
					"leave one of them: spec.databaseRefs takes several databases")
			}
		}
		if _, isObject := value.(map[string]any); name.old == "database" && !isObject {
			return nil, Hinted(fmt.Errorf("spec.database is not an object with a name"), "write spec.databaseRef.name")
		}
		if _, isList := value.([]any); name.old == "databases" && !isList {
			return nil, Hinted(fmt.Errorf("spec.databases is not a list of objects with a name"), "write spec.databaseRefs[].name")
		}
		delete(spec, name.old)
		spec[name.new] = value
		changes = append(changes, fmt.Sprintf("spec.%s is now spec.%s", name.old, name.new))
	}
	return changes, nil
}

// rewritePrivileges turns the operator's fourth preset, owner, into admin: who is
// admin owns what there is in the database through its owner group.
func rewritePrivileges(spec map[string]any) ([]string, error) {
	var changes []string
	replace := func(fields map[string]any, path string) {
		if fields["privileges"] == "owner" {
			fields["privileges"] = string(v1alpha1.Admin)
			changes = append(changes, path+".privileges owner is now admin")
		}
	}
	replace(spec, "spec")
	if ref, ok := spec["databaseRef"].(map[string]any); ok {
		replace(ref, "spec.databaseRef")
	}
	refs, _ := spec["databaseRefs"].([]any)
	for i := range refs {
		if ref, ok := refs[i].(map[string]any); ok {
			replace(ref, fmt.Sprintf("spec.databaseRefs[%d]", i))
		}
	}
	return changes, nil
}

// rewriteSecret moves spec.secret to spec.secretTemplate, its template to format
// and its key user to username. The template dsn is a custom key for the URI.
func rewriteSecret(spec map[string]any) ([]string, error) {
	secret, found := spec["secret"]
	if !found {
		return nil, nil
	}
	if _, has := spec["secretTemplate"]; has {
		return nil, Hinted(fmt.Errorf("spec.secret and spec.secretTemplate are both set"), "move what spec.secret says into spec.secretTemplate")
	}
	fields, ok := secret.(map[string]any)
	if !ok {
		return nil, Hinted(fmt.Errorf("spec.secret is not an object"), "write spec.secretTemplate.name")
	}
	changes := []string{"spec.secret is now spec.secretTemplate"}
	template := maps.Clone(fields)
	if format, has := template["template"]; has {
		template["format"] = format
		delete(template, "template")
		changes = append(changes, "spec.secret.template is now spec.secretTemplate.format")
	}
	if template["format"] == "dsn" {
		template["format"], template["keys"] = string(v1alpha1.FormatCustom), map[string]any{"uri": "dsn"}
		changes = append(changes, "spec.secret.template dsn is now the key dsn for the field uri")
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

// rewriteExtensions writes each extension that is an object as one line.
func rewriteExtensions(spec map[string]any) ([]string, error) {
	list, ok := spec["extensions"].([]any)
	if !ok {
		return nil, nil
	}
	var changes []string
	lines := slices.Clone(list)
	for i := range lines {
		fields, ok := lines[i].(map[string]any)
		if !ok {
			continue
		}
		path := fmt.Sprintf("spec.extensions[%d]", i)
		line, err := extensionLine(path, fields)
		if err != nil {
			return nil, err
		}
		lines[i] = line
		changes = append(changes, fmt.Sprintf("%s is now %q", path, line))
	}
	spec["extensions"] = lines
	return changes, nil
}

// extensionLine returns the fields name, schema and version as CREATE EXTENSION
// spells them. The path is for its error.
func extensionLine(path string, fields map[string]any) (string, error) {
	words := map[string]string{}
	for _, field := range slices.Sorted(maps.Keys(fields)) { // in order: the same error each time
		if !slices.Contains([]string{"name", "schema", "version"}, field) {
			return "", Hinted(fmt.Errorf("%s.%s has no equivalent", path, field), "an extension has a name, a schema and a version")
		}
		word, ok := fields[field].(string)
		if !ok { // 1.10 without quotes is the number 1.1
			return "", Hinted(fmt.Errorf("%s.%s is not a string", path, field), "write it in quotes")
		}
		words[field] = word
	}
	if words["name"] == "" {
		return "", Hinted(fmt.Errorf("%s has no name", path), "write the extension's name")
	}
	line := words["name"]
	if words["schema"] != "" {
		line += " SCHEMA " + words["schema"]
	}
	if words["version"] != "" {
		line += " VERSION " + words["version"]
	}
	return line, nil
}
