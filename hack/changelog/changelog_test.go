package changelog

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

const example = `# Changelog

What it is.

## [Unreleased]

## [0.2.0-rc.1] - 2026-02-28

### Added

- a thing, see [there](docs/there.md)

## [0.1.0] - 2026-01-31

### Added

- the first thing

[Unreleased]: https://example.com/compare/v0.2.0-rc.1...HEAD
[0.1.0]: https://example.com/releases/tag/v0.1.0
`

func TestParse(t *testing.T) {
	got, err := Parse(example)
	want := Changelog{
		{},
		{"0.2.0-rc.1", "2026-02-28", "### Added\n\n- a thing, see [there](docs/there.md)"},
		{"0.1.0", "2026-01-31", "### Added\n\n- the first thing"},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("got %q, %v, want %q", got, err, want)
	}
	if s, err := got.Of("v0.1.0"); err != nil || s != want[2] {
		t.Errorf("v0.1.0: got %q, %v", s, err)
	}
	if newest, err := got.Newest(); err != nil || newest != "v0.2.0-rc.1" {
		t.Errorf("the newest: got %s, %v", newest, err)
	}
	if got.Unreleased() != "" {
		t.Errorf("unreleased: got %q", got.Unreleased())
	}
}

func TestUnreleased(t *testing.T) {
	got, err := Parse("## [Unreleased]\n\n- more\n\n## [0.1.0] - 2026-01-31\n- x\n")
	if err != nil || got.Unreleased() != "- more" {
		t.Errorf("got %q, %v", got.Unreleased(), err)
	}
	if _, err := (Changelog{{Text: "- more"}}).Newest(); err == nil {
		t.Error("there is a newest version where there is none")
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"## 0.1.0\n":                           `"## 0.1.0" is neither`,
		"## [0.1.0]\n":                         `"## [0.1.0]" is neither`,
		"## [0.1.0] - soon\n":                  `is neither`,
		"## [0.1.0] - 2026-02-30\n":            `day out of range`,
		"## [Unreleased]\n\n## [Unreleased]\n": `two sections "## [Unreleased]"`,
		"## [0.1.0] - 2026-01-01\n## [0.1.0] - 2026-01-02\n": `two sections "## [0.1.0] - 2026-01-02"`,
	} {
		if got, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %q, %v, want %s", text, got, err, want)
		}
	}
}

func TestOfRefuses(t *testing.T) {
	c := Changelog{{Text: "- more"}, {Version: "0.2.0"}, {Version: "0.1.0", Text: "- x"}}
	for version, want := range map[string]string{
		"v0.3.0":      `CHANGELOG.md has no section for v0.3.0: say in one, "## [0.3.0] - DATE",`,
		"v0.1.0-rc.1": "CHANGELOG.md has no section for v0.1.0-rc.1",
		"v":           "CHANGELOG.md has no section for v",
		"v0.2.0":      "CHANGELOG.md: the section for v0.2.0 is empty",
	} {
		if got, err := c.Of(version); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %q, %v, want %s", version, got, err, want)
		}
	}
}

// The changelog of this repository can be read, and the newest version has notes.
func TestOurs(t *testing.T) {
	ours, err := Read(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	newest, err := ours.Newest()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ours.Of(newest); err != nil {
		t.Error(err)
	}
	if _, err := Read(t.TempDir()); err == nil || err.Error() != "read CHANGELOG.md: there is none" {
		t.Errorf("a folder without a changelog: got %v", err)
	}
}
