package v1alpha1_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// hostileWords are seeds of the fuzz tests: words that are admitted, and words that must
// not be.
var hostileWords = []string{"", "a", "orders", "app.orders", "App-2.Lines", "a.b.c", ".", "a.", ".a", `a"b`, "a'b", "a;b", "a b", "a\nb", "a\n", "\na", "a\x00", "é", "a\u212a", "pg_catalog.pg_class",
	"hstore", "hstore SCHEMA app", "hstore VERSION 1.8", "hstore SCHEMA app VERSION 1.8", "hstore VERSION 1.8 SCHEMA app", "hstore SCHEMA SCHEMA VERSION VERSION", "hstore  SCHEMA app",
	"hstore SCHEMA", "hstore SCHEMA pg_x", "hstore SCHEMA information_schema", "hstore SCHEMA information_schema2", "h CASCADE", "h VERSION 1 CASCADE", "h SCHEMA a\tVERSION 1", "h SCHEMA A VERSION -",
	strings.Repeat("x", 63), strings.Repeat("x", 64), strings.Repeat("x", 63) + "." + strings.Repeat("y", 63)}

// admitted reports whether the API server takes an object with that spec.
func admitted(r resource, spec map[string]any) bool {
	return len(r.admit(map[string]any{"apiVersion": "dbtether.io/v1alpha1", "metadata": map[string]any{"name": "x", "namespace": "shop"}, "spec": spec}, nil)) == 0
}

// FuzzExtension checks that the parts of an extension that is admitted are all of it, and
// could be parts of no other.
func FuzzExtension(f *testing.F) {
	for _, text := range hostileWords {
		f.Add(text)
	}
	databases := newResource(f, "databases")
	if !admitted(databases, map[string]any{"clusterRef": map[string]any{"name": "main"}, "extensions": []any{"hstore SCHEMA app VERSION 1.8"}}) {
		f.Fatal("nothing is admitted")
	}
	f.Fuzz(func(t *testing.T, text string) {
		name, schema, version := v1alpha1.Extension(text).Parts()
		if !utf8.ValidString(text) || !admitted(databases, map[string]any{"clusterRef": map[string]any{"name": "main"}, "extensions": []any{text}}) {
			return
		}
		again := name
		if schema != "" {
			again += " SCHEMA " + schema
		}
		if version != "" {
			again += " VERSION " + version
		}
		if again != text {
			t.Errorf("%q has the parts %q, %q and %q", text, name, schema, version)
		}
		if strings.HasPrefix(schema, "pg_") || schema == "information_schema" || strings.ContainsAny(name+schema, " .\"'\\;\n") {
			t.Errorf("%q is admitted", text)
		}
		if len(name) > 63 || len(schema) > 63 {
			t.Errorf("%q would be cut", text)
		}
	})
}

// FuzzTableName checks that the schema and the table of a name that is admitted are all
// of it.
func FuzzTableName(f *testing.F) {
	for _, text := range hostileWords {
		f.Add(text)
	}
	users := newResource(f, "databaseusers")
	f.Fuzz(func(t *testing.T, text string) {
		schema, table := v1alpha1.TableName(text).Parts()
		if schema+"."+table != text && (schema != "public" || table != text) {
			t.Errorf("%q has the parts %q and %q", text, schema, table)
		}
		grant := map[string]any{"tables": []any{text}, "privileges": []any{"SELECT"}}
		if !utf8.ValidString(text) || !admitted(users, map[string]any{"databaseRef": map[string]any{"name": "orders"}, "additionalGrants": []any{grant}}) {
			return
		}
		for _, part := range []string{schema, table} {
			if part == "" || len(part) > 63 || strings.ContainsAny(part, " .\"'\\;\n\x00") {
				t.Errorf("%q is admitted, with the part %q", text, part)
			}
		}
	})
}
