package faults_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

// row is one fault of the table, and the tests that it names, as "pkg/x TestY".
type row struct {
	fault string
	tests []string
}

var (
	namedTest = regexp.MustCompile("`((?:hack|pkg)/[a-z/]+) (Test[A-Za-z]+)`")
	metric    = regexp.MustCompile("`(dbtether_[a-z_]+)")
)

// notOfFaults are the functions of this package that are called like tests and make no
// fault happen.
var notOfFaults = []string{"TestMain", "TestTable", "TestKeptEndsWithItsTest"}

// TestTable checks that each row of the table of docs/faults.md names tests that there are,
// and metrics that there are, and that each test here has a row.
func TestTable(t *testing.T) {
	root, err := testenv.Root()
	must(t, err)
	document, err := os.ReadFile(filepath.Join(root, "docs", "faults.md"))
	must(t, err)
	var named []string
	rows := rowsOf(string(document))
	if len(rows) < 8 {
		t.Errorf("the table has %d rows", len(rows))
	}
	for _, r := range rows {
		if len(r.tests) == 0 {
			t.Errorf("no test makes it happen: %s", r.fault)
		}
		named = append(named, r.tests...)
	}
	for _, test := range named {
		folder, name, _ := strings.Cut(test, " ")
		if !slices.Contains(testsIn(t, filepath.Join(root, folder)), name) {
			t.Errorf("there is no test %s in %s", name, folder)
		}
	}
	for _, name := range testsIn(t, ".") {
		if !slices.Contains(notOfFaults, name) && !slices.Contains(named, "hack/faults "+name) {
			t.Errorf("no row of docs/faults.md names %s", name)
		}
	}
	for _, match := range metric.FindAllSubmatch(document, -1) {
		if err := exec.Command("grep", "-rqF", `"`+string(match[1])+`"`, "--include=*.go", filepath.Join(root, "pkg")).Run(); err != nil {
			t.Errorf("there is no metric %s", match[1])
		}
	}
}

// rowsOf returns the rows of the table.
func rowsOf(document string) []row {
	var rows []row
	for line := range strings.Lines(document) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) < 5 || strings.HasPrefix(cells[0], "-") || strings.TrimSpace(cells[0]) == "fault" {
			continue
		}
		r := row{fault: strings.TrimSpace(cells[0])}
		for _, match := range namedTest.FindAllStringSubmatch(line, -1) {
			r.tests = append(r.tests, match[1]+" "+match[2])
		}
		rows = append(rows, r)
	}
	return rows
}

var testFunction = regexp.MustCompile(`(?m)^func (Test\w+)\(`)

// testsIn returns the names of the tests of a package.
func testsIn(t *testing.T, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	must(t, err)
	var names []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		must(t, err)
		for _, match := range testFunction.FindAllSubmatch(text, -1) {
			names = append(names, string(bytes.TrimSpace(match[1])))
		}
	}
	return names
}
