package layout

import (
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestArchitectureListsThePackages(t *testing.T) {
	var want []string
	for _, p := range listPackages(t) {
		want = append(want, strings.TrimPrefix(p.ImportPath, Module+"/"))
	}
	compare(t, "## Packages", want)
}

func TestArchitectureListsTheModules(t *testing.T) {
	compare(t, "## Modules", listModules(t))
}

func TestTableRows(t *testing.T) {
	const document = "# A\n## Packages\ntext with `code`\n\n| package | purpose |\n|---|---|\n| `pkg/b` | uses `pkg/z` |\n| `pkg/a` | |\n\n## Other\n| `pkg/c` | |\n"
	if got, want := tableRows(document, "## Packages"), []string{"pkg/a", "pkg/b"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := tableRows(document, "## Missing"); len(got) != 0 {
		t.Errorf("got %v from a section that is not there", got)
	}
}

func compare(t *testing.T, section string, want []string) {
	t.Helper()
	rows := tableRows(architecture(t), section)
	for _, path := range want {
		if !slices.Contains(rows, path) {
			t.Errorf("docs/architecture.md, section %q, has no row for %s: add one that says what it is for", section, path)
		}
	}
	for _, row := range rows {
		if !slices.Contains(want, row) {
			t.Errorf("docs/architecture.md, section %q, has a row for %s, which does not exist: remove it", section, row)
		}
	}
}

func architecture(t *testing.T) string {
	t.Helper()
	document, err := os.ReadFile(filepath.Join("..", "..", "docs", "architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(document)
}

var firstCell = regexp.MustCompile("(?m)^\\| `([^`]+)` \\|")

// tableRows returns the code in the first cell of each table row of a section,
// sorted.
func tableRows(document, section string) []string {
	_, body, _ := strings.Cut(document, section+"\n")
	body, _, _ = strings.Cut(body, "\n## ")
	var rows []string
	for _, match := range firstCell.FindAllStringSubmatch(body, -1) {
		rows = append(rows, match[1])
	}
	slices.Sort(rows)
	return rows
}

// listModules returns the directories below the repository's root that have a
// go.mod. Directories that git ignores as a whole begin with a dot here.
func listModules(t *testing.T) []string {
	t.Helper()
	root := filepath.Join("..", "..")
	var modules []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && path != root && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata") {
			return fs.SkipDir
		}
		if entry.Name() == "go.mod" && filepath.Dir(path) != root {
			relative, err := filepath.Rel(root, filepath.Dir(path))
			modules = append(modules, filepath.ToSlash(relative))
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return modules
}
