package reference

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"

	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

// Resources returns a page about the resource definitions among files: what each field
// is, takes and means.
func Resources(files fs.FS) (string, error) {
	paths, err := fs.Glob(files, "crd/*.yaml")
	if err != nil {
		return "", err
	}
	var definitions []apiextensions.CustomResourceDefinition
	for _, path := range paths {
		text, err := fs.ReadFile(files, path)
		if err != nil {
			return "", err
		}
		var definition apiextensions.CustomResourceDefinition
		if err := yaml.UnmarshalStrict(text, &definition); err != nil {
			return "", fmt.Errorf("read %q: %w", path, err)
		}
		definitions = append(definitions, definition)
	}
	if len(definitions) == 0 {
		return "", errors.New("read the resource definitions: there is none")
	}
	// What others refer to comes first.
	slices.SortStableFunc(definitions, func(a, b apiextensions.CustomResourceDefinition) int {
		return strings.Compare(string(a.Spec.Scope), string(b.Spec.Scope))
	})
	var b strings.Builder
	fmt.Fprintf(&b, "# Resources\n\n"+written+"\n", "manifests/crd")
	b.WriteString(prose("`kubectl explain` shows the same. A field is *needed*, or has a default, or may be left out. One that is *fixed*" +
		" cannot be changed, added or removed later. What the fields do on a server is in [postgresql.md](../postgresql.md)."))
	for _, definition := range definitions {
		if err := resource(&b, definition); err != nil {
			return "", err
		}
	}
	return b.String(), nil
}

func resource(b *strings.Builder, definition apiextensions.CustomResourceDefinition) error {
	names := definition.Spec.Names
	for _, version := range definition.Spec.Versions {
		schema := version.Schema.OpenAPIV3Schema
		fmt.Fprintf(b, "\n## %s\n\n%s\n", names.Kind, prose(schema.Description))
		b.WriteString("| | |\n|---|---|\n")
		fmt.Fprintf(b, "| apiVersion | `%s/%s` |\n", definition.Spec.Group, version.Name)
		fmt.Fprintf(b, "| scope | %s |\n", map[apiextensions.ResourceScope]string{
			apiextensions.ClusterScoped: "the whole cluster", apiextensions.NamespaceScoped: "a namespace"}[definition.Spec.Scope])
		fmt.Fprintf(b, "| kubectl's names | `%s` |\n", strings.Join(append([]string{names.Plural, names.Singular}, names.ShortNames...), "`, `"))
		fmt.Fprintf(b, "| columns | %s |\n", columns(version.AdditionalPrinterColumns, 0))
		if wide := columns(version.AdditionalPrinterColumns, 1); wide != "" {
			fmt.Fprintf(b, "| more with `-o wide` | %s |\n", wide)
		}
		for _, part := range []string{"spec", "status"} {
			fields, ok := schema.Properties[part]
			if !ok {
				return fmt.Errorf("%s: it has no %s", names.Kind, part)
			}
			fmt.Fprintf(b, "\n### %s %s\n\n%s\n", names.Kind, part, prose(sentence(fields.Description)))
			b.WriteString("| field | type | | |\n|---|---|---|---|\n")
			if err := fieldRows(b, "", fields); err != nil {
				return err
			}
			if rules := rulesOf("", fields); len(rules) > 0 {
				b.WriteString("\nWhat breaks a rule is refused with one of these messages:\n\n- " + strings.Join(rules, "\n- ") + "\n")
			}
		}
	}
	return nil
}

// columns returns the printer columns of a priority, each with the field that it shows.
func columns(all []apiextensions.CustomResourceColumnDefinition, priority int32) string {
	var shown []string
	for _, c := range all {
		if c.Priority == priority {
			shown = append(shown, fmt.Sprintf("%s (%s)", strings.ToUpper(c.Name), code(strings.TrimPrefix(c.JSONPath, "."))))
		}
	}
	return strings.Join(shown, ", ")
}

// fieldRows writes a row for each field of a schema, those of its fields after it.
func fieldRows(b *strings.Builder, path string, schema apiextensions.JSONSchemaProps) error {
	fixed := fixedFields(schema)
	for _, name := range sorted(schema.Properties) {
		field := schema.Properties[name]
		full := strings.TrimPrefix(path+"."+name, ".")
		needed, err := neededOrDefault(schema, name)
		if err != nil {
			return fmt.Errorf("field %q: %w", full, err)
		}
		notes := slices.DeleteFunc([]string{needed, values(field)}, func(s string) bool { return s == "" })
		if fixed[name] {
			notes = append(notes, "*fixed*")
		}
		inner := field
		if field.Items != nil && field.Items.Schema != nil {
			inner = *field.Items.Schema
			full += "[]"
			if text := values(inner); text != "" {
				notes = append(notes, "each "+text)
			}
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", full, typeOf(field), strings.Join(notes, "; "), cell(field.Description))
		if err := fieldRows(b, full, inner); err != nil {
			return err
		}
	}
	return nil
}

func sorted(properties map[string]apiextensions.JSONSchemaProps) []string {
	var names []string
	for name := range properties {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func typeOf(field apiextensions.JSONSchemaProps) string {
	switch {
	case field.XIntOrString:
		return "integer or string"
	case field.Type == "array" && field.Items != nil && field.Items.Schema != nil:
		return "list of " + typeOf(*field.Items.Schema) + "s"
	case field.AdditionalProperties != nil && field.AdditionalProperties.Schema != nil:
		return "map to " + typeOf(*field.AdditionalProperties.Schema) + "s"
	case field.Format == "date-time":
		return "time"
	}
	return field.Type
}

func neededOrDefault(schema apiextensions.JSONSchemaProps, name string) (string, error) {
	if slices.Contains(schema.Required, name) {
		return "*needed*", nil
	}
	value := schema.Properties[name].Default
	if value == nil {
		return "", nil
	}
	var text any
	if err := json.Unmarshal(value.Raw, &text); err != nil {
		return "", fmt.Errorf("default: %w", err)
	}
	if s, ok := text.(string); ok {
		return "default " + code(s), nil
	}
	return "default " + code(string(value.Raw)), nil
}

// values returns which values a field takes.
func values(field apiextensions.JSONSchemaProps) string {
	var said []string
	var choices []string
	for _, choice := range field.Enum {
		choices = append(choices, code(strings.Trim(string(choice.Raw), `"`)))
	}
	if choices != nil {
		said = append(said, strings.Join(choices, ", "))
	}
	between := func(from, to *int64, unit string) {
		switch {
		case from != nil && *from > 0 && to != nil:
			said = append(said, fmt.Sprintf("%d to %d%s", *from, *to, unit))
		case to != nil:
			said = append(said, fmt.Sprintf("at most %d%s", *to, unit))
		case from != nil && *from > 0:
			said = append(said, fmt.Sprintf("at least %d%s", *from, unit))
		}
	}
	between(field.MinLength, field.MaxLength, " characters")
	between(field.MinItems, field.MaxItems, " items")
	between(field.MinProperties, field.MaxProperties, " entries")
	if field.Minimum != nil {
		said = append(said, "from "+strconv.FormatFloat(*field.Minimum, 'f', -1, 64))
	}
	if field.Maximum != nil {
		said = append(said, "to "+strconv.FormatFloat(*field.Maximum, 'f', -1, 64))
	}
	if field.Pattern != "" {
		said = append(said, code(field.Pattern))
	}
	return strings.Join(said, ", ")
}

var immutable = regexp.MustCompile(`^(\w+) is immutable`)

// fixedFields returns the fields of a schema that a rule of it keeps from changing.
func fixedFields(schema apiextensions.JSONSchemaProps) map[string]bool {
	fixed := map[string]bool{}
	for _, rule := range schema.XValidations {
		if !strings.Contains(rule.Rule, "oldSelf") {
			continue
		}
		if found := immutable.FindStringSubmatch(rule.Message); found != nil {
			fixed[found[1]] = true
		}
	}
	return fixed
}

// rulesOf returns what the rules of a schema and of its fields say, each with its field.
func rulesOf(path string, schema apiextensions.JSONSchemaProps) []string {
	var said []string
	for _, rule := range schema.XValidations {
		text := cell(rule.Message)
		if path != "" {
			text = "`" + path + "`: " + text
		}
		said = append(said, text)
	}
	for _, name := range sorted(schema.Properties) {
		said = append(said, rulesOf(strings.TrimPrefix(path+"."+name, "."), schema.Properties[name])...)
	}
	if schema.Items != nil && schema.Items.Schema != nil {
		said = append(said, rulesOf(path+"[]", *schema.Items.Schema)...)
	}
	if schema.AdditionalProperties != nil && schema.AdditionalProperties.Schema != nil {
		said = append(said, rulesOf(path+".*", *schema.AdditionalProperties.Schema)...)
	}
	return said
}
