package secretfile_test

import (
	"archive/zip"
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pmezard/go-difflib/difflib"

	"github.com/dbtether/kubectl-dbtether/pkg/secretfile"
)

var update = flag.Bool("update", false, "write the golden files anew")

// sample is a file of testdata, whose folder is its format.
type sample struct {
	format secretfile.Format
	path   string
	text   []byte
}

// samples returns the files as they would be exported: the tree of a .1pux export in
// its archive.
func samples(t testing.TB) []sample {
	t.Helper()
	var found []sample
	for _, format := range secretfile.ReadFormats() {
		paths, err := filepath.Glob(filepath.Join("testdata", string(format), "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			if filepath.Ext(path) == ".golden" {
				continue
			}
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if filepath.Ext(path) == ".data" {
				text = archive(t, map[string][]byte{"export.attributes": []byte(`{"version": 3}`), "export.data": text, "files/": nil})
			}
			found = append(found, sample{format, path, text})
		}
	}
	return found
}

func archive(t testing.TB, files map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(files[name]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestSamples compares what is read of each sample, with a name and without one.
func TestSamples(t *testing.T) {
	for _, s := range samples(t) {
		t.Run(s.path, func(t *testing.T) {
			detected, err := secretfile.Detect("", s.text)
			var got strings.Builder
			fmt.Fprintf(&got, "detected without its name: %s %s\n", detected, text(err))
			for _, name := range []string{"given", ""} {
				items, warnings, err := secretfile.Read(s.format, name, s.text)
				fmt.Fprintf(&got, "\nread with the name %q: %s\n", name, text(err))
				for _, warning := range warnings {
					fmt.Fprintf(&got, "warning: %s\n", warning)
				}
				show(&got, items)
			}
			compareGolden(t, s.path+".golden", got.String())
			if by, err := secretfile.Detect(filepath.Base(s.path), s.text); err != nil || by != s.format && filepath.Base(s.path) != "download.json" {
				t.Errorf("detected by its name as %q: %v", by, err)
			}
		})
	}
}

func show(out *strings.Builder, items []secretfile.Item) {
	for _, item := range items {
		fmt.Fprintf(out, "%s/%s %q %v\n", item.Namespace, item.Name, item.Type, item.Labels)
		for _, key := range slices.Sorted(maps.Keys(item.Data)) {
			fmt.Fprintf(out, "  %s = %q\n", key, item.Data[key])
		}
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return "error: " + err.Error()
}

func compareGolden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		difference, _ := difflib.GetUnifiedDiffString(difflib.UnifiedDiff{A: difflib.SplitLines(string(want)), B: difflib.SplitLines(got), FromFile: path, ToFile: "got", Context: 3})
		t.Errorf("%s\ngo test ./pkg/secretfile -update rewrites it", difference)
	}
}

// TestCutOff checks that a file that ends too early is an error, wherever that can be
// seen: JSON and archives show it anywhere.
func TestCutOff(t *testing.T) {
	for _, s := range samples(t) {
		if strings.Contains(s.path, "stream") { // the end of an item may be that of a file
			continue
		}
		whole := bytes.TrimRight(s.text, " \n")
		if !bytes.HasPrefix(whole, []byte("{")) && !bytes.HasPrefix(whole, []byte("PK")) {
			continue
		}
		for end := range whole {
			items, warnings, err := secretfile.Read(s.format, "given", whole[:end])
			if err == nil || items != nil || warnings != nil {
				t.Fatalf("%s cut at %d of %d: %v, %v", s.path, end, len(whole), items, warnings)
			}
		}
	}
}
