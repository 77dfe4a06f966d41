package check

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// The checks of resources.
const (
	checkResourcesRead = "resources-read"
	checkReady         = "resources-ready"
	checkDrifted       = "resources-drifted"
	checkConflict      = "resources-conflict"
	checkBlocked       = "resources-deletion-blocked"
)

// state is what the status of a Database or a DatabaseUser says.
type state struct {
	name, phase, message string
	deleting             bool
	conditions           []metav1.Condition
}

// Findings returns what the status of the Databases and DatabaseUsers says.
func (w Work) Findings() []Finding {
	var f findings
	if !f.unreadOurs(checkResourcesRead, "the Databases", w.DatabasesErr) {
		states := make([]state, len(w.Databases))
		for i := range w.Databases {
			d := &w.Databases[i]
			states[i] = state{w.object(d.Namespace, d.Name), d.Status.Phase, d.Status.Message, d.DeletionTimestamp != nil, d.Status.Conditions}
		}
		w.states(&f, "Database", "db", states)
	}
	if !f.unreadOurs(checkResourcesRead, "the DatabaseUsers", w.UsersErr) {
		states := make([]state, len(w.Users))
		for i := range w.Users {
			u := &w.Users[i]
			states[i] = state{w.object(u.Namespace, u.Name), u.Status.Phase, u.Status.Message, u.DeletionTimestamp != nil, u.Status.Conditions}
		}
		w.states(&f, "DatabaseUser", "user", states)
	}
	return f
}

// grades are what a state may be found to be, the worst first: a state is counted once, under
// the first grade that it is.
var grades = []struct {
	check string
	level Level
	what  string
	is    func(state) bool
}{
	{checkConflict, LevelError, "in conflict with what is in PostgreSQL already", func(s state) bool { return s.has(v1alpha1.ConditionConflict) }},
	{checkBlocked, LevelError, "not deleted, because something in PostgreSQL keeps it", func(s state) bool { return s.has(v1alpha1.ConditionDeletionBlocked) }},
	{checkReady, LevelError, "failed", func(s state) bool { return s.phase == v1alpha1.PhaseFailed }},
	{checkDrifted, LevelWarning, "other in PostgreSQL than its resource says", func(s state) bool { return s.has(v1alpha1.ConditionDrifted) }},
	{checkReady, LevelNote, "not provisioned yet", func(s state) bool { return unbegun(s.phase) && !s.deleting }},
	{checkReady, LevelNote, "being deleted", func(s state) bool { return s.deleting }},
}

func (s state) has(condition string) bool {
	return slices.ContainsFunc(s.conditions, func(c metav1.Condition) bool { return c.Type == condition && c.Status == metav1.ConditionTrue })
}

// states grades those of one kind. Of each grade the message of the first is shown.
func (w Work) states(f *findings, kind, noun string, states []state) {
	rest := slices.Clone(states)
	bad := 0
	for _, grade := range grades {
		var names []string
		said := ""
		rest = slices.DeleteFunc(rest, func(s state) bool {
			if !grade.is(s) {
				return false
			}
			if names == nil {
				said = s.message
			}
			names = append(names, s.name)
			return true
		})
		if len(names) == 0 {
			continue
		}
		bad += len(names)
		text := fmt.Sprintf("%d of %s: %s: %s", len(names), plural(len(states), kind), grade.what, few(names))
		if line, _, _ := strings.Cut(said, "\n"); line != "" && grade.level != LevelNote {
			text += fmt.Sprintf(" (%s says: %s)", names[0], line)
		}
		*f = append(*f, Finding{Check: grade.check, Level: grade.level, Text: text, Fix: w.fix(grade.check, grade.level, noun, names[0])})
	}
	switch {
	case len(states) == 0:
		f.ok(checkReady, "there are no %ss", kind)
	case bad == 0:
		f.ok(checkReady, "%s: as they should be", plural(len(states), kind))
	}
}

// fix returns the command that says more, or that mends it.
func (w Work) fix(check string, level Level, noun, name string) string {
	switch {
	case level == LevelNote:
		return ""
	case check == checkDrifted:
		return "see how: kubectl dbtether drift " + w.where() + "; what can be mended is mended by kubectl dbtether reconcile"
	}
	namespace := w.Namespace
	if namespace == "" {
		namespace, name, _ = strings.Cut(name, "/")
	}
	return fmt.Sprintf("see all of it: kubectl dbtether %s describe %s -n %s", noun, name, namespace)
}
