package check

import (
	"fmt"
	"slices"
	"strings"
)

// Level grades a finding.
type Level string

// The levels of a finding. Only LevelError makes a check fail.
const (
	LevelOK Level = "ok"
	// LevelNote is worth knowing, and nothing has to be done about it.
	LevelNote    Level = "note"
	LevelWarning Level = "warning"
	LevelError   Level = "error"
)

// Finding is one thing that was looked at.
type Finding struct {
	// Check is the name of what was looked at, the same whatever was found; docs/check.md
	// lists them.
	Check string `json:"check"`
	Level Level  `json:"level"`
	Text  string `json:"text"`
	// Fix is what to do about it, with the command where there is one.
	Fix string `json:"fix,omitempty"`
}

// The names of the categories, in the order in which they are looked at.
const (
	CategoryInstall     = "install"
	CategoryAPI         = "api"
	CategoryDefinitions = "definitions"
	CategoryWebhook     = "webhook"
	CategoryFloor       = "floor"
	CategoryPolicies    = "policies"
	CategoryRunner      = "runner"
	CategoryClusters    = "clusters"
	CategoryResources   = "resources"
	CategorySecrets     = "secrets"
)

// Categories returns the names of the categories of an installation, in their order.
// CategoryInstall, which is looked at before there is one, is not among them.
func Categories() []string {
	return []string{CategoryAPI, CategoryDefinitions, CategoryWebhook, CategoryFloor, CategoryPolicies, CategoryRunner,
		CategoryClusters, CategoryResources, CategorySecrets}
}

// Category is a group of findings.
type Category struct {
	Name     string    `json:"name"`
	Findings []Finding `json:"findings"`
}

// Report is all that was found.
type Report []Category

// Count returns how many findings of a level there are.
func (r Report) Count(level Level) int {
	n := 0
	for _, category := range r {
		for _, f := range category.Findings {
			if f.Level == level {
				n++
			}
		}
	}
	return n
}

// findings collects them.
type findings []Finding

func (f *findings) ok(check, format string, args ...any) {
	*f = append(*f, Finding{Check: check, Level: LevelOK, Text: fmt.Sprintf(format, args...)})
}

func (f *findings) add(check string, level Level, fix, format string, args ...any) {
	*f = append(*f, Finding{Check: check, Level: level, Text: fmt.Sprintf(format, args...), Fix: fix})
}

// okUnless adds a finding of level ok, unless the check of that name has found something
// worse.
func (f *findings) okUnless(check, format string, args ...any) {
	if !slices.ContainsFunc(*f, func(x Finding) bool { return x.Check == check && x.Level != LevelNote }) {
		f.ok(check, format, args...)
	}
}

// The commands that most of what is wrong with an installation is mended with. What an earlier
// install was told is to be told again: flags that are left out are taken back.
const (
	fixInstall   = "run: kubectl dbtether install"
	fixReinstall = fixInstall + ", with the flags of this installation"
	fixCRDs      = "run: kubectl dbtether crds | kubectl apply --server-side -f -"
)

// plural returns a number and its noun.
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// shownNames is how many names a text has at most.
const shownNames = 3

// few returns the first names, and how many more there are.
func few(names []string) string {
	if len(names) <= shownNames {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:shownNames], ", "), len(names)-shownNames)
}
