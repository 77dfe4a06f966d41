package plugin

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// none stands for what is not set, as in kubectl.
const none = "<none>"

// describer writes the text about an object; it may read what refers to it.
type describer func(ctx context.Context, env *Environment, object *unstructured.Unstructured) (*description, error)

// newDescribeCommand returns the command that describes one object of a kind.
func newDescribeCommand(env *Environment, k kind, short string, describe describer) *cobra.Command {
	var flags printFlags
	cmd := &cobra.Command{
		Use:               "describe NAME [flags]",
		Short:             short,
		Args:              oneName(k),
		ValidArgsFunction: completeNames(env, k),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := flags.check(); err != nil {
				return err
			}
			namespace, err := env.namespaceOf(k)
			if err != nil {
				return err
			}
			object, err := env.get(cmd.Context(), k, namespace, args[0])
			if err != nil {
				return err
			}
			if !flags.human() {
				return flags.print(env, object, "")
			}
			text, err := describe(cmd.Context(), env, object)
			if err != nil {
				return err
			}
			return text.write(env.Out)
		},
	}
	flags.add(cmd, objectFormats)
	return cmd
}

// description is text in sections of aligned lines.
type description struct{ sections []section }

type section struct {
	title string
	rows  [][]string
}

// section begins a section; the first has no title.
func (d *description) section(title string) { d.sections = append(d.sections, section{title: title}) }

// field adds a line with a name and a value.
func (d *description) field(name, value string) { d.row(name+":", value) }

// fieldIfSet adds a line unless the value is empty: for what few objects have.
func (d *description) fieldIfSet(name, value string) {
	if value != "" {
		d.field(name, value)
	}
}

// row adds a line of cells; an empty one is shown as <none>.
func (d *description) row(cells ...string) {
	for i := range cells {
		if cells[i] == "" {
			cells[i] = none
		}
	}
	last := &d.sections[len(d.sections)-1]
	last.rows = append(last.rows, cells)
}

// write prints the sections, each aligned for itself.
func (d *description) write(out io.Writer) error {
	for i, s := range d.sections {
		indent := ""
		if s.title != "" {
			indent = "  "
			if i > 0 {
				fmt.Fprintln(out)
			}
			fmt.Fprintf(out, "%s:\n", s.title)
		}
		if len(s.rows) == 0 {
			fmt.Fprintln(out, indent+none)
		}
		table := printers.GetNewTabWriter(out)
		for _, cells := range s.rows {
			fmt.Fprintln(table, indent+strings.Join(cells, "\t"))
		}
		if err := table.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// metadata begins a description with what every object has.
func (d *description) metadata(object *unstructured.Unstructured) {
	d.section("")
	d.field("Name", object.GetName())
	if object.GetNamespace() != "" {
		d.field("Namespace", object.GetNamespace())
	}
	d.field("Labels", pairs(object.GetLabels()))
	annotations := object.GetAnnotations()
	// kubectl apply's copy of the whole manifest: kubectl describe leaves it out too.
	delete(annotations, corev1.LastAppliedConfigAnnotation)
	d.field("Annotations", pairs(annotations))
	d.field("Created", object.GetCreationTimestamp().Format(time.RFC1123Z))
	if deleted := object.GetDeletionTimestamp(); deleted != nil {
		d.field("Deleted", deleted.Format(time.RFC1123Z))
		d.field("Finalizers", strings.Join(object.GetFinalizers(), ", "))
	}
}

// status adds the phase, and says where it is about an older spec.
func (d *description) status(object *unstructured.Unstructured, phase, message string, observed int64) {
	d.section("Status")
	if phase != "" && observed != object.GetGeneration() {
		phase += " (before the last change of the resource)"
	}
	d.field("Phase", phase)
	if message != "" {
		d.field("Message", message)
	}
}

// conditions adds the table of conditions.
func (d *description) conditions(conditions []metav1.Condition) {
	d.section("Conditions")
	if len(conditions) == 0 {
		return
	}
	d.row("TYPE", "STATUS", "REASON", "SINCE", "MESSAGE")
	for _, c := range conditions {
		d.row(c.Type, string(c.Status), c.Reason, c.LastTransitionTime.UTC().Format(time.RFC3339), c.Message)
	}
}

// pairs returns key=value, sorted, in one cell.
func pairs(values map[string]string) string {
	var result []string
	for key, value := range values {
		result = append(result, key+"="+value)
	}
	sort.Strings(result)
	return strings.Join(result, ", ")
}

// limit returns a connection limit in words.
func limit(connections *int32) string {
	if connections == nil || *connections < 0 {
		return "unlimited"
	}
	return fmt.Sprint(*connections)
}

func join[T ~string](values []T) string {
	words := make([]string, len(values))
	for i, value := range values {
		words[i] = string(value)
	}
	return strings.Join(words, ", ")
}

// settings adds a line for each setting: values may have commas.
func (d *description) settings(name string, settings map[string]v1alpha1.SettingValue) {
	for _, setting := range slices.Sorted(maps.Keys(settings)) {
		d.field(name, setting+" = "+string(settings[setting]))
	}
}
