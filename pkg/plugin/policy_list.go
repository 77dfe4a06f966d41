package plugin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/dbtether/kubectl-dbtether/pkg/policy"
)

func newPolicyListCommand(env *Environment, place *policyPlace) *cobra.Command {
	var print printFlags
	cmd := &cobra.Command{
		Use:     "list [flags]",
		Aliases: []string{"ls"},
		Short:   "List the policies, their modes, the exceptions, and what the webhook has loaded",
		Long: `List the built-in policies and those that the ConfigMaps of the policy namespace add, with
their modes; the exceptions; and which of it each replica of the webhook has loaded.

What is wrong with the policies is said on stderr, with exit code 1.`,
		Example: `  kubectl dbtether policy list
  kubectl dbtether policy list -o wide
  kubectl dbtether policy list -o name`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := print.check(); err != nil {
				return err
			}
			list, failures, err := env.listOfPolicies(cmd.Context(), place)
			if err != nil {
				return err
			}
			if err := list.print(env, &print); err != nil {
				return err
			}
			for _, failure := range failures {
				env.report(failure)
			}
			if len(failures) > 0 {
				return Hinted(fmt.Errorf("%d %s with the policies", len(failures), plural("problem", len(failures))),
					"correct the ConfigMaps that are named above; try them first: kubectl dbtether policy test --policies FILE")
			}
			return nil
		},
	}
	print.add(cmd, []string{"json", "yaml", "name", "wide"})
	return cmd
}

// policyList is what there is of policies.
type policyList struct {
	Revision   string            `json:"revision"`
	Policies   []listedPolicy    `json:"policies"`
	Exceptions []listedException `json:"exceptions"`
	Webhook    []replica         `json:"webhook"`
	Problems   []string          `json:"problems"`

	now   time.Time
	names map[string]string // short ones, by package
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

// listedException is an exception, as -o json and yaml print it.
type listedException struct {
	Name      string    `json:"name"`
	Policy    string    `json:"policy"`
	Namespace string    `json:"namespace,omitempty"`
	Kind      string    `json:"kind,omitempty"`
	Object    string    `json:"object,omitempty"`
	Expires   time.Time `json:"expires"`
	Expired   bool      `json:"expired"`
	Reason    string    `json:"reason"`
}

// listOfPolicies reads the policies of the cluster and what the webhook made of them. The
// failures are what is wrong with them; the list has what is left.
func (e *Environment) listOfPolicies(ctx context.Context, place *policyPlace) (list *policyList, failures []error, err error) {
	set, err := e.policySet(ctx, place)
	if err != nil {
		return nil, nil, err
	}
	engine, failures := loadEach(ctx, set)
	if engine == nil {
		return nil, nil, errors.Join(failures...)
	}
	list = &policyList{Policies: listPolicies(engine.Policies()), Exceptions: listExceptions(engine.Exceptions(), e.Now()), Problems: []string{}, now: e.Now(), names: policyNames(engine.Policies())}
	if len(failures) == 0 {
		list.Revision = engine.Revision()
	}
	for _, problem := range engine.Problems() {
		failures = append(failures, errors.New(problem))
	}
	if list.Webhook, err = e.replicas(ctx, place, list.Revision); err != nil {
		return nil, nil, err
	}
	for _, r := range list.Webhook {
		if r.Error != "" || r.Differs {
			failures = append(failures, fmt.Errorf("webhook %s %s", r.Name, r.says()))
		}
	}
	for _, failure := range failures {
		list.Problems = append(list.Problems, failure.Error())
	}
	return list, failures, nil
}

func listExceptions(exceptions []policy.Exception, now time.Time) []listedException {
	listed := make([]listedException, len(exceptions))
	for i, x := range exceptions {
		listed[i] = listedException{x.Name, x.Policy, x.Namespace, x.Kind, x.Object, x.Expires, !now.Before(x.Expires), x.Reason}
	}
	return listed
}

// about returns what an exception is about: "shop", "Database orders in shop".
func (x listedException) about() string {
	what := strings.TrimSpace(x.Kind + " " + x.Object)
	switch {
	case what == "":
		return "all in " + x.Namespace
	case x.Namespace == "":
		return what
	default:
		return what + " in " + x.Namespace
	}
}

// until returns when an exception ends, or that it has.
func (x listedException) until() string {
	text := x.Expires.UTC().Format(time.RFC3339)
	if x.Expired {
		return text + " (expired)"
	}
	return text
}

// print prints the list as a table, as names or as a document.
func (l *policyList) print(env *Environment, print *printFlags) error {
	switch {
	case print.human():
		return l.tables(env.Out, print.output == "wide")
	case print.output == "name":
		for _, p := range l.Policies {
			fmt.Fprintln(env.Out, p.Policy)
		}
		return nil
	default:
		return printDocument(env, print.output, l)
	}
}

// tables prints the policies, the exceptions if there are any, and the webhook.
func (l *policyList) tables(out io.Writer, wide bool) error {
	rows := [][]string{{"NAME", "AREA", "MODE", "CODES", "SOURCE"}}
	if wide {
		rows[0] = append(rows[0], "ON ERROR", "PACKAGE")
	}
	for _, p := range l.Policies {
		row := []string{l.names[p.Policy], p.Area, string(p.Mode), join(p.codes()), p.Source}
		if wide {
			row = append(row, string(p.OnError), p.Policy)
		}
		rows = append(rows, row)
	}
	if err := printRows(out, rows); err != nil {
		return err
	}
	if len(l.Exceptions) > 0 {
		rows = [][]string{{"EXCEPTION FROM", "FOR", "UNTIL", "REASON", "SOURCE"}}
		for _, x := range l.Exceptions {
			name := x.Policy
			if short, ok := l.names[name]; ok {
				name = short
			}
			rows = append(rows, []string{name, x.about(), x.until(), x.Reason, x.Name})
		}
		fmt.Fprintln(out)
		if err := printRows(out, rows); err != nil {
			return err
		}
	}
	fmt.Fprintln(out)
	return printRows(out, l.webhookRows())
}

// webhookRows returns the table of what each replica of the webhook has loaded.
func (l *policyList) webhookRows() [][]string {
	rows := [][]string{{"WEBHOOK", "REVISION", "LOADED", "STATUS"}}
	for _, r := range l.Webhook {
		loaded := none
		if !r.Loaded.IsZero() {
			loaded = duration.HumanDuration(l.now.Sub(r.Loaded)) + " ago"
		}
		rows = append(rows, []string{r.Name, r.Revision, loaded, r.says()})
	}
	if len(l.Webhook) == 0 {
		rows = append(rows, []string{none, "", "", "not installed, or it has not said what it loaded"})
	}
	return rows
}
