// Package changelog reads CHANGELOG.md, which has the form of Keep a Changelog 1.1:
// a section for each version, the newest first, and one for what is not released yet.
package changelog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// File is the changelog's name in the root of the repository.
const File = "CHANGELOG.md"

// Section is what the changelog says of a version.
type Section struct {
	Version string // without a v before it; empty: not released yet
	Date    string // as in 2026-01-31; empty: not released yet
	Text    string // what stands below the heading, without empty lines around it
}

// Changelog is the sections in the order of the file.
type Changelog []Section

// heading is a line that begins a section; release and a date are what it has to say
// of a version.
var (
	heading = regexp.MustCompile(`(?m)^## .*$`)
	release = regexp.MustCompile(`^## \[([^\]]+)\] - ([0-9-]+)$`)
	// link is a line at the file's end that says where the brackets of a heading lead.
	link = regexp.MustCompile(`(?m)^\[[^\]]+\]: .*$\n?`)
)

const unreleased = "## [Unreleased]"

// Read returns the changelog of the repository in root.
func Read(root string) (Changelog, error) {
	text, err := os.ReadFile(filepath.Join(root, File))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read %s: there is none", File)
	}
	if err != nil {
		return nil, err
	}
	return Parse(string(text))
}

// Parse returns the changelog that the text is. It does no I/O.
func Parse(text string) (Changelog, error) {
	var sections Changelog
	starts := heading.FindAllStringIndex(text, -1)
	for i, start := range starts {
		end := len(text)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		line := text[start[0]:start[1]]
		section := Section{Text: strings.TrimSpace(link.ReplaceAllString(text[start[1]:end], ""))}
		if line != unreleased {
			match := release.FindStringSubmatch(line)
			if match == nil {
				return nil, fmt.Errorf("%s: %q is neither %q nor like \"## [0.1.0] - 2026-01-31\"", File, line, unreleased)
			}
			if _, err := time.Parse(time.DateOnly, match[2]); err != nil {
				return nil, fmt.Errorf("%s: %q: %w", File, line, err)
			}
			section.Version, section.Date = match[1], match[2]
		}
		if slices.ContainsFunc(sections, func(s Section) bool { return s.Version == section.Version }) {
			return nil, fmt.Errorf("%s: there are two sections %q", File, line)
		}
		sections = append(sections, section)
	}
	return sections, nil
}

// Of returns the section of a version, which has a v before it. The error says what to
// write where there is none, or nothing in it.
func (c Changelog) Of(version string) (Section, error) {
	number := strings.TrimPrefix(version, "v")
	i := slices.IndexFunc(c, func(s Section) bool { return s.Version == number })
	if number == "" || i < 0 {
		return Section{}, fmt.Errorf("%s has no section for %s: say in one, \"## [%s] - DATE\", what is new for its users", File, version, number)
	}
	if c[i].Text == "" {
		return Section{}, fmt.Errorf("%s: the section for %s is empty: say in it what is new for its users", File, version)
	}
	return c[i], nil
}

// Unreleased returns what is not in a version yet; empty: nothing.
func (c Changelog) Unreleased() string {
	for _, s := range c {
		if s.Version == "" {
			return s.Text
		}
	}
	return ""
}

// Newest returns the first version of the file, with a v before it.
func (c Changelog) Newest() (string, error) {
	for _, s := range c {
		if s.Version != "" {
			return "v" + s.Version, nil
		}
	}
	return "", fmt.Errorf("%s has no section for a version", File)
}
