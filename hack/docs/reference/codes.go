package reference

import (
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"github.com/dbtether/kubectl-dbtether/pkg/policy"
)

// Codes returns a page about the codes of rules. Which policies of the API server say a code
// is read from the manifests among files.
func Codes(rows []policy.Metadata, files fs.FS) (string, error) {
	floor, err := policiesByCode(files)
	if err != nil {
		return "", err
	}
	byCode := map[string][]policy.Metadata{}
	var names []string
	for _, row := range rows {
		if row.Code == "" {
			continue
		}
		if byCode[row.Code] == nil {
			names = append(names, row.Code)
		}
		byCode[row.Code] = append(byCode[row.Code], row)
	}
	slices.Sort(names)
	for code := range floor {
		if byCode[code] == nil {
			return "", fmt.Errorf("code %q of the API server's policy %q: nothing explains it", code, floor[code][0])
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# Codes\n\n"+written+"\n", "the policies")
	b.WriteString(prose("What is refused, or warned of, begins with a code. `kubectl dbtether policy explain CODE` tells the same, with the rule"+
		" itself and with what the policies of your cluster say. A [policy of yours](../policies.md) has codes of its own; an"+
		" exception names the code that it lifts. What the API server refuses by itself, and how that is lifted, is in [floor.md](../floor.md).") + "\n")
	b.WriteString("| code | |\n|---|---|\n")
	for _, code := range names {
		fmt.Fprintf(&b, "| [`%s`](%s) | %s |\n", code, Anchor(code), cell(byCode[code][0].Title))
	}
	for _, code := range names {
		fmt.Fprintf(&b, "\n## %s\n", code)
		for _, row := range byCode[code] {
			rule(&b, row, floor[code])
		}
	}
	return b.String(), nil
}

func rule(b *strings.Builder, row policy.Metadata, floor []string) {
	fmt.Fprintf(b, "\n%s\n", prose(sentence(row.Title)+" "+sentence(row.Description)))
	b.WriteString("| | |\n|---|---|\n")
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(b, "| %s | %s |\n", name, cell(text))
		}
	}
	verb := "refused"
	if row.Mode != policy.ModeDeny || row.Rule == "warn" {
		verb = "warned of"
	}
	line("what to do", row.Fix)
	for _, example := range row.Examples {
		line(verb, example.Denied)
		line("allowed", example.Allowed)
	}
	line("said by", saidBy(row, floor))
}

// serverPolicy is what a source that is a policy of the API server begins with.
const serverPolicy = "ValidatingAdmissionPolicy"

// saidBy names who says the code of a row; of the policies of the API server all that do.
func saidBy(row policy.Metadata, floor []string) string {
	if row.Policy != "" {
		return fmt.Sprintf("the policy `%s`, in `policies/%s`", strings.TrimPrefix(row.Policy, "dbtether.policies."), row.File)
	}
	others, _, ofServer := strings.Cut(row.Source, serverPolicy)
	if !ofServer {
		return row.Source
	}
	return others + serverPolicy + " `" + strings.Join(floor, "`, `") + "`"
}

var (
	saidCode   = regexp.MustCompile(`'([A-Z]+(?:-[A-Z]+)+): `)
	policyName = regexp.MustCompile(`(?m)^  name: (\S+)$`)
)

// policiesByCode returns the ValidatingAdmissionPolicies that say each code.
func policiesByCode(files fs.FS) (map[string][]string, error) {
	paths, err := fs.Glob(files, "policies/*.yaml")
	if err != nil {
		return nil, err
	}
	found := map[string][]string{}
	for _, path := range paths {
		text, err := fs.ReadFile(files, path)
		if err != nil {
			return nil, err
		}
		name := policyName.FindStringSubmatch(string(text))
		if name == nil {
			return nil, fmt.Errorf("policy %q: it has no name", path)
		}
		for _, code := range saidCode.FindAllStringSubmatch(string(text), -1) {
			if !slices.Contains(found[code[1]], name[1]) {
				found[code[1]] = append(found[code[1]], name[1])
			}
		}
	}
	return found, nil
}
