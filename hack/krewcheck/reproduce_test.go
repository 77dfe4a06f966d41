package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCompare(t *testing.T) {
	const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	for _, c := range []struct {
		name          string
		first, second map[string]string
		table, failed string
	}{
		{"equal", map[string]string{"b/c": "", "a": ""}, map[string]string{"a": "", "b/c": ""}, empty + "          0  a\n" + empty + "          0  b/c\n", ""},
		{"another byte", map[string]string{"a": "12345"}, map[string]string{"a": "12x45"}, "", "a differs from byte 2 on: 5 bytes with sha256 5994471a"},
		{"another byte in the second file", map[string]string{"a": "1", "b": "1", "c": "1"}, map[string]string{"a": "2", "b": "1", "c": "3"}, "", "\ncompare the releases: c differs from byte 0 on"},
		{"a byte more", map[string]string{"a": "123"}, map[string]string{"a": "1234"}, "", "a differs from byte 3 on: 3 bytes"},
		{"a file more", map[string]string{"a": ""}, map[string]string{"a": "", "b": ""}, "", `the first has ["a"], the second ["a" "b"]`},
		{"another name", map[string]string{"a": ""}, map[string]string{"b": ""}, "", `the first has ["a"], the second ["b"]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			table, err := compare(folder(t, c.first), folder(t, c.second))
			if table != c.table {
				t.Errorf("got\n%swant\n%s", table, c.table)
			}
			if c.failed == "" && err != nil || c.failed != "" && (err == nil || !strings.Contains(err.Error(), c.failed)) {
				t.Errorf("got %v, want %q", err, c.failed)
			}
		})
	}
}

func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644))
	}
	return dir
}
