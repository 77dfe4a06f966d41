package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"
)

// Mode is what the findings of a policy do.
type Mode string

// The modes of a policy.
const (
	// ModeDeny: what the rules deny find is denied, and what the rules warn find is a warning.
	ModeDeny Mode = "deny"
	// ModeWarn: what the rules deny find is a warning, too.
	ModeWarn Mode = "warn"
	// ModeDryRun: findings are in the log and in the metrics only.
	ModeDryRun Mode = "dryrun"
)

func modes() []Mode { return []Mode{ModeDeny, ModeWarn, ModeDryRun} }

// Set is what people add to the built-in policies.
type Set struct {
	// Sources hold policies of their own, and their tests.
	Sources []Source
	// Modes replace the modes that policies give themselves, by package.
	Modes map[string]Mode
	// Exceptions suspend denials.
	Exceptions []Exception
	// Problems say what was wrong with the ConfigMaps of the set, and was left out.
	Problems []string
}

// Source is where policies come from.
type Source struct {
	// Name identifies it: "configmap dbtether-system/team-rules".
	Name string
	// Files hold Rego by file name; what ends in _test.rego are tests.
	Files map[string]string
}

// Exception suspends what a policy denies, for a while.
type Exception struct {
	// Name is where it is from: "configmap dbtether-system/legacy-shop".
	Name string
	// Policy is the package of a policy, or the code of a rule.
	Policy string
	// Namespace is that of the objects; empty: every one.
	Namespace string
	// Kind and Object name what it is about; empty: everything in the namespace.
	Kind, Object string
	// Reason says why, to whoever reads the warning.
	Reason string
	// Expires is when the policy denies again.
	Expires time.Time
}

// SourceBuiltIn is the name of the source of the built-in policies.
const SourceBuiltIn = "built in"

// origin is a source, and whether its packages are those of users.
type origin struct {
	Source
	users bool
}

// path returns the name by which the compiler knows a file.
func (o origin) path(file string) string {
	if !o.users {
		return file
	}
	return o.Name + "/" + file
}

// origins returns the sources of a set, sorted by name.
func (s Set) origins() []origin {
	all := make([]origin, len(s.Sources))
	for i, source := range s.Sources {
		all[i] = origin{source, true}
	}
	slices.SortFunc(all, func(a, b origin) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// readBuiltIn reads the files of the built-in policies, or of what takes their place.
func readBuiltIn(modules fs.FS) (origin, error) {
	o := origin{Source: Source{Name: SourceBuiltIn, Files: map[string]string{}}}
	err := fs.WalkDir(modules, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(modules, path)
		o.Files[path] = string(text)
		return err
	})
	return o, err
}

func isRego(file string) bool { return strings.HasSuffix(file, ".rego") }

func isTest(file string) bool { return strings.HasSuffix(file, "_test.rego") }

// problems returns what is wrong with the modes and the exceptions of a set for the
// given policies: each is left out, so that a policy stays as strict as it is.
func (s Set) problems(loaded []policy) (problems []string) {
	names := map[string]bool{}
	withCode := map[string][]string{} // the policies that have a rule of the code
	for _, p := range loaded {
		names[p.name] = true
		for _, row := range metadata(p) {
			if row.Code != "" && !slices.Contains(withCode[row.Code], p.name) {
				withCode[row.Code] = append(withCode[row.Code], p.name)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Modes)) {
		switch {
		case names[name]:
		case withCode[name] != nil:
			problems = append(problems, fmt.Sprintf("mode of policy %s: that is the code of a rule, and a mode is that of a whole policy: write %s", name, strings.Join(withCode[name], " or ")))
		default:
			problems = append(problems, fmt.Sprintf("mode of policy %s: there is no such policy", name))
		}
	}
	for _, e := range s.Exceptions {
		if !names[e.Policy] && withCode[e.Policy] == nil {
			problems = append(problems, fmt.Sprintf("%s: exception from policy %s: there is no such policy, and no rule of this code", e.Name, e.Policy))
		}
	}
	return problems
}

// revision identifies policies, given by their own revision, together with the modes and the
// exceptions of the set. Without any of these it is the revision of the policies.
func (s Set) revision(policies string) string {
	if len(s.Modes) == 0 && len(s.Exceptions) == 0 {
		return policies
	}
	digest := sha256.New()
	fmt.Fprintln(digest, policies)
	for _, name := range slices.Sorted(maps.Keys(s.Modes)) {
		fmt.Fprintf(digest, "%q %q\n", name, s.Modes[name])
	}
	for _, e := range s.Exceptions {
		fmt.Fprintf(digest, "%q\n", []string{e.Name, e.Policy, e.Namespace, e.Kind, e.Object, e.Reason, e.Expires.UTC().Format(time.RFC3339)})
	}
	return hex.EncodeToString(digest.Sum(nil))[:12]
}
