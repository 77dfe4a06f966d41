package plugin

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"
	"k8s.io/cli-runtime/pkg/printers"
)

// printRows prints cells in columns; an empty one is shown as <none>.
func printRows(out io.Writer, rows [][]string) error {
	table := printers.GetNewTabWriter(out)
	for _, cells := range rows {
		cells = slices.Clone(cells)
		for i := range cells {
			if cells[i] == "" {
				cells[i] = none
			}
		}
		fmt.Fprintln(table, strings.Join(cells, "\t"))
	}
	return table.Flush()
}

// age returns how long ago something was, as kubectl shows it.
func (e *Environment) age(t time.Time) string { return duration.HumanDuration(e.Now().Sub(t)) }
