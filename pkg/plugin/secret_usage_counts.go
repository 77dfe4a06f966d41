package plugin

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// secretCount is how many objects refer to a Secret.
type secretCount struct {
	Name      string `json:"name"`
	Type      string `json:"type,omitempty"`
	Consumers int    `json:"consumers"`
	// ByKind counts the pods of a workload, too.
	ByKind map[string]int `json:"byKind"`

	kinds   []objectKind
	data    int
	created time.Time
}

// missingSecret is a Secret that does not exist, and the objects that refer to it.
type missingSecret struct {
	Name      string   `json:"name"`
	Consumers []string `json:"consumers"`
}

// secretUsageSum is what usage says of all Secrets of a namespace.
type secretUsageSum struct {
	Namespace string          `json:"namespace"`
	Secrets   []secretCount   `json:"secrets"`
	Missing   []missingSecret `json:"missing"`
	coverage
}

// secretConsumers returns how many objects refer to each Secret of a namespace, by its name,
// and which kinds were looked at. A Secret to which none refers is not in it. The requests are
// those of scanSecretUsers: a constant number, all at once.
func (e *Environment) secretConsumers(ctx context.Context, namespace string) (map[string]int, coverage, error) {
	s, err := e.scanSecretUsers(ctx, namespace)
	if err != nil {
		return nil, coverage{}, err
	}
	counts := map[string]int{}
	for name := range s.using {
		counts[name] = s.count(name)
	}
	return counts, s.coverage, nil
}

// count returns how many objects refer to a Secret. The pods of a workload that does are not
// counted again.
func (s *scan) count(secret string) int {
	using := map[string]bool{}
	for _, user := range s.using[secret] {
		using[user.Object] = true
	}
	n := 0
	for _, user := range s.using[secret] {
		if !s.made(user, using) {
			n++
		}
	}
	return n
}

// made reports whether a pod was made by one of the objects, directly or not.
func (s *scan) made(user *secretUser, objects map[string]bool) bool {
	if user.owner == nil {
		return false
	}
	for uid, known := user.owner.UID, true; known; uid, known = s.above[uid] {
		if objects[s.objects[uid]] {
			return true
		}
	}
	return false
}

// showAll prints how many objects refer to each Secret of a namespace.
func (c *secretUsage) showAll(ctx context.Context, env *Environment, namespace string) error {
	metas, s, err := env.secretsAndUsers(ctx, namespace)
	if err != nil {
		return err
	}
	sum := secretUsageSum{Namespace: namespace, Secrets: []secretCount{}, Missing: []missingSecret{}, coverage: s.coverage}
	var broken []string
	there := map[string]bool{}
	for i := range metas {
		there[metas[i].Name] = true
		if m := &metas[i]; !m.revision() {
			s.judge(m.Name, m, true)
			sum.Secrets = append(sum.Secrets, s.counted(m))
			broken = append(broken, s.broken(m.Name)...)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.using)) {
		if there[name] || !s.directly(name) {
			continue
		}
		s.judge(name, nil, true)
		missing := missingSecret{Name: name}
		for _, user := range s.using[name] {
			missing.Consumers = append(missing.Consumers, user.Object)
		}
		sum.Missing = append(sum.Missing, missing)
		broken = append(broken, s.broken(name)...)
	}
	if !c.print.human() {
		err = printDocument(env, c.print.output, sum)
	} else {
		err = c.counts(env, sum.Secrets)
	}
	if err != nil {
		return err
	}
	if len(metas) == 0 {
		fmt.Fprintf(env.ErrOut, "No resources found in %s namespace.\n", namespace)
	}
	for _, line := range broken {
		env.warn("%s", line)
	}
	s.coverage.tellMissing(env, "there may be others")
	return nil
}

// directly reports whether something refers to a Secret itself, not only to a revision.
func (s *scan) directly(name string) bool {
	return slices.ContainsFunc(s.using[name], func(user *secretUser) bool {
		return slices.ContainsFunc(user.Uses, func(use secretUse) bool { return use.Revision == "" })
	})
}

// counted returns the row about a Secret.
func (s *scan) counted(m *secretMeta) secretCount {
	counted := secretCount{Name: m.Name, Type: m.secretType, Consumers: s.count(m.Name), ByKind: map[string]int{}, data: m.count, created: m.CreationTimestamp.Time}
	for _, user := range s.using[m.Name] {
		if counted.ByKind[user.kind.noun]++; counted.ByKind[user.kind.noun] == 1 {
			counted.kinds = append(counted.kinds, user.kind)
		}
	}
	return counted
}

// counts prints the table of how many objects refer to each Secret.
func (c *secretUsage) counts(env *Environment, all []secretCount) error {
	if len(all) == 0 {
		return nil
	}
	wide := c.print.output == "wide"
	rows := [][]string{{"NAME", "CONSUMERS", "BY"}}
	if wide {
		rows[0] = []string{"NAME", "TYPE", "DATA", "CONSUMERS", "BY", "AGE"}
	}
	for _, s := range all {
		var by []string
		for _, k := range s.kinds {
			by = append(by, k.plural(s.ByKind[k.noun]))
		}
		cells := []string{s.Name, fmt.Sprint(s.Consumers), strings.Join(by, ", ")}
		if wide {
			cells = []string{s.Name, s.Type, fmt.Sprint(s.data), cells[1], cells[2], env.age(s.created)}
		}
		rows = append(rows, cells)
	}
	return printRows(env.Out, rows)
}
