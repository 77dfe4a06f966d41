package plugin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dbtether/kubectl-dbtether/pkg/policy"
	"github.com/dbtether/kubectl-dbtether/pkg/provision"
	"github.com/dbtether/kubectl-dbtether/pkg/review"
)

// policySet reads what the cluster adds to the policies.
func (e *Environment) policySet(ctx context.Context, place *policyPlace) (policy.Set, error) {
	kube, err := e.Dynamic()
	if err != nil {
		return policy.Set{}, err
	}
	documents, err := provision.PolicyDocuments(ctx, kube, place.namespace)
	if err != nil {
		return policy.Set{}, fmt.Errorf("read the policies of namespace %q: %w", place.namespace, err)
	}
	return policy.ReadSet(documents, e.Now()), nil
}

// loadEach compiles a set. Where that fails, it returns what could be loaded without
// the sources that fail, and one error for each of those: a list shows what is there
// even though nobody uses it so.
func loadEach(ctx context.Context, set policy.Set) (*policy.Engine, []error) {
	engine, whole := policy.Load(ctx, set, policy.Options{Timeout: review.Patience})
	if whole == nil {
		return engine, nil
	}
	var broken []error
	sources := set.Sources
	set.Sources = nil
	for _, source := range sources {
		_, err := policy.Load(ctx, policy.Set{Sources: []policy.Source{source}}, policy.Options{})
		if err != nil {
			broken = append(broken, err)
		} else {
			set.Sources = append(set.Sources, source)
		}
	}
	engine, err := policy.Load(ctx, set, policy.Options{Timeout: review.Patience})
	if err == nil && len(broken) > 0 {
		return engine, broken
	}
	// Each loads alone, and together they do not.
	set.Sources = nil
	engine, err = policy.Load(ctx, set, policy.Options{Timeout: review.Patience})
	if err != nil {
		return nil, []error{err}
	}
	return engine, append(broken, whole)
}

// policyEngine returns the policies of the cluster, compiled. The error says why not all
// of them are among these; the engine is nil if there is none at all.
func (e *Environment) policyEngine(ctx context.Context, place *policyPlace) (*policy.Engine, error) {
	set, unread := e.policySet(ctx, place)
	engine, failures := loadEach(ctx, set)
	if engine == nil {
		engine, failures = loadEach(context.WithoutCancel(ctx), policy.Set{})
	}
	if engine == nil {
		return nil, errors.Join(failures...)
	}
	if unread == nil && len(failures) > 0 {
		unread = fmt.Errorf("some policies of namespace %q cannot be loaded: kubectl dbtether policy list says why", place.namespace)
	}
	return engine, unread
}

// listedPolicy is a policy, and the rows of its rules.
type listedPolicy struct {
	Policy  string       `json:"policy"`
	Area    string       `json:"area"`
	Mode    policy.Mode  `json:"mode"`
	OnError policy.Mode  `json:"onError"`
	Source  string       `json:"source"`
	Title   string       `json:"title,omitempty"`
	Rules   []listedRule `json:"rules"`
}

type listedRule struct {
	Code  string      `json:"code"`
	Rule  string      `json:"rule"`
	Mode  policy.Mode `json:"mode"`
	Title string      `json:"title,omitempty"`
	File  string      `json:"file"`
	Line  int         `json:"line"`
}

// codes returns those of its rules, each once.
func (p listedPolicy) codes() []string {
	var codes []string
	for _, rule := range p.Rules {
		if rule.Code != "" && !slices.Contains(codes, rule.Code) {
			codes = append(codes, rule.Code)
		}
	}
	return codes
}

// strictness is the order of the modes.
var strictness = []policy.Mode{policy.ModeDeny, policy.ModeWarn, policy.ModeDryRun}

// listPolicies returns one entry for each policy, in the order of rows. Its mode is that
// of its strictest rule.
func listPolicies(rows []policy.Metadata) []listedPolicy {
	policies := []listedPolicy{}
	for _, row := range rows {
		last := len(policies) - 1
		if last < 0 || policies[last].Policy != row.Policy {
			policies = append(policies, listedPolicy{Policy: row.Policy, Area: row.Area, Mode: row.Mode, OnError: row.OnError, Source: row.Source, Rules: []listedRule{}})
			last++
		}
		p := &policies[last]
		if slices.Index(strictness, row.Mode) < slices.Index(strictness, p.Mode) {
			p.Mode = row.Mode
		}
		if row.Rule == "" {
			p.Title = row.Title
			continue
		}
		p.Rules = append(p.Rules, listedRule{Code: row.Code, Rule: row.Rule, Mode: row.Mode, Title: row.Title, File: row.File, Line: row.Line})
	}
	return policies
}

// shortNames returns what people call policies: without what is the same for all,
// unless two would then have one name.
func shortNames(policies []string) map[string]string {
	policies = slices.Compact(slices.Sorted(slices.Values(policies)))
	count := map[string]int{}
	for _, name := range policies {
		count[shortName(name)]++
	}
	names := make(map[string]string, len(policies))
	for _, name := range policies {
		if names[name] = shortName(name); count[names[name]] > 1 {
			names[name] = name
		}
	}
	return names
}

func shortName(name string) string {
	for _, root := range []string{"dbtether.policies.", "dbtether.user."} {
		if rest, ok := strings.CutPrefix(name, root); ok {
			return rest
		}
	}
	return name
}

// namesOf returns the packages of policies.
func namesOf(policies []listedPolicy) []string {
	names := make([]string, len(policies))
	for i := range policies {
		names[i] = policies[i].Policy
	}
	return names
}
