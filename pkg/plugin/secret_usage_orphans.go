package plugin

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// orphan is a Secret to which nothing that was looked at refers.
type orphan struct {
	Name    string            `json:"name"`
	Type    string            `json:"type"`
	Data    int               `json:"data"`
	Created metav1.Time       `json:"created"`
	Managed bool              `json:"managed"`
	Labels  map[string]string `json:"labels,omitempty"`
	// Owner is what it belongs to, which may make it again: certificate/shop.
	Owner string `json:"owner,omitempty"`
	// Former are Deployments of which an earlier ReplicaSet refers to it.
	Former []string `json:"former,omitempty"`
}

// leftOut are Secrets that are never orphans: how many of a sort.
type leftOut struct {
	Sort  string `json:"sort"`
	Count int    `json:"count"`
}

// secretOrphans is what usage --orphans says.
type secretOrphans struct {
	Namespace string    `json:"namespace"`
	Orphans   []orphan  `json:"orphans"`
	LeftOut   []leftOut `json:"leftOut"`
	coverage
}

// The sorts of Secrets that are left out: what uses them does not refer to them.
const (
	sortRevision  = "revision"
	sortHelm      = "Helm release"
	sortToken     = "service account token"
	sortBootstrap = "bootstrap token"
)

// sort returns the sort of a Secret that is left out; empty for all others.
func (m *secretMeta) sort() string {
	switch {
	case m.revision():
		return sortRevision
	case m.secretType == "helm.sh/release.v1":
		return sortHelm
	case m.secretType == string(corev1.SecretTypeServiceAccountToken):
		return sortToken
	case m.secretType == string(corev1.SecretTypeBootstrapToken):
		return sortBootstrap
	default:
		return ""
	}
}

// showOrphans prints the Secrets of a namespace to which nothing refers.
func (c *secretUsage) showOrphans(ctx context.Context, env *Environment, namespace string) error {
	metas, s, err := env.secretsAndUsers(ctx, namespace)
	if err != nil {
		return err
	}
	found := s.orphans(metas)
	if !c.print.human() {
		err = printDocument(env, c.print.output, found)
	} else {
		err = c.orphanTable(env, found.Orphans)
	}
	if err != nil {
		return err
	}
	if len(found.Orphans) == 0 {
		env.note("no Secret of namespace %q is without a reference", namespace)
	}
	var out []string
	for _, o := range found.LeftOut {
		out = append(out, fmt.Sprintf("%d %s", o.Count, plural(o.Sort, o.Count)))
	}
	if len(out) > 0 {
		env.note("left out: %s", strings.Join(out, ", "))
	}
	s.coverage.tell(env, "the list")
	for _, o := range found.Orphans {
		if len(o.Former) > 0 {
			env.warn("an earlier ReplicaSet refers to Secret %q, and kubectl rollout undo would need it: %s", o.Name, shortList(o.Former, shownAtMost))
		}
	}
	return nil
}

// orphans returns the Secrets to which nothing refers. It does no I/O.
func (s *scan) orphans(metas []secretMeta) secretOrphans {
	all := secretOrphans{Namespace: s.sight.namespace, Orphans: []orphan{}, LeftOut: []leftOut{}, coverage: s.coverage}
	left := map[string]int{}
	for i := range metas {
		m := &metas[i]
		if sort := m.sort(); sort != "" {
			left[sort]++
			continue
		}
		if len(s.using[m.Name]) > 0 {
			continue
		}
		all.Orphans = append(all.Orphans, orphan{Name: m.Name, Type: m.secretType, Data: m.count, Created: m.CreationTimestamp,
			Managed: m.managed(), Labels: m.Labels, Owner: m.owner(), Former: s.former[m.Name]})
	}
	for _, sort := range []string{sortRevision, sortHelm, sortToken, sortBootstrap} {
		if left[sort] > 0 {
			all.LeftOut = append(all.LeftOut, leftOut{sort, left[sort]})
		}
	}
	return all
}

// orphanTable prints a row for each Secret; nothing for none.
func (c *secretUsage) orphanTable(env *Environment, all []orphan) error {
	if len(all) == 0 {
		return nil
	}
	wide := c.print.output == "wide"
	rows := [][]string{{"NAME", "TYPE", "DATA", "OWNER", "AGE"}}
	if wide {
		rows[0] = []string{"NAME", "TYPE", "DATA", "OWNER", "LABELS", "AGE"}
	}
	for _, o := range all {
		cells := []string{o.Name, o.Type, fmt.Sprint(o.Data), o.Owner}
		if wide {
			cells = append(cells, pairs(o.Labels))
		}
		rows = append(rows, append(cells, env.age(o.Created.Time)))
	}
	return printRows(env.Out, rows)
}
