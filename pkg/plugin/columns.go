package plugin

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/printers"
	"k8s.io/client-go/util/jsonpath"
)

// columns prints a table whose columns the user names, as kubectl's
// -o custom-columns=NAME:.metadata.name,PHASE:.status.phase does.
type columns struct {
	titles []string
	paths  []*jsonpath.JSONPath
}

// parseColumns reads TITLE:PATH,TITLE:PATH; the braces of a path may be left out.
func parseColumns(spec string) (printers.ResourcePrinter, error) {
	result := &columns{}
	for part := range strings.SplitSeq(strings.TrimSpace(spec), ",") {
		title, path, ok := strings.Cut(part, ":")
		if !ok || title == "" || path == "" {
			return nil, Usagef("read custom column %q: it is written TITLE:PATH, for example NAME:.metadata.name", part)
		}
		if !strings.HasPrefix(path, "{") {
			path = "{." + strings.TrimPrefix(path, ".") + "}"
		}
		parsed := jsonpath.New(title).AllowMissingKeys(true)
		if err := parsed.Parse(path); err != nil {
			return nil, Usagef("read custom column %q: %w", part, err)
		}
		result.titles = append(result.titles, title)
		result.paths = append(result.paths, parsed)
	}
	return result, nil
}

// PrintObj prints the title line and one line for the object, or for each object
// of a list.
func (c *columns) PrintObj(object runtime.Object, out io.Writer) error {
	items := []runtime.Object{object}
	if meta.IsListType(object) {
		var err error
		if items, err = meta.ExtractList(object); err != nil {
			return err
		}
	}
	table := printers.GetNewTabWriter(out)
	fmt.Fprintln(table, strings.Join(c.titles, "\t"))
	for _, item := range items {
		cells, err := c.cells(item)
		if err != nil {
			return err
		}
		fmt.Fprintln(table, strings.Join(cells, "\t"))
	}
	return table.Flush()
}

func (c *columns) cells(item runtime.Object) ([]string, error) {
	object, ok := item.(*unstructured.Unstructured)
	if !ok {
		return nil, fmt.Errorf("print columns of %T: not an object of the API", item)
	}
	cells := make([]string, len(c.paths))
	for i, path := range c.paths {
		var cell bytes.Buffer
		if err := path.Execute(&cell, object.Object); err != nil {
			return nil, fmt.Errorf("print column %q: %w", c.titles[i], err)
		}
		cells[i] = cell.String()
		if cells[i] == "" {
			cells[i] = none
		}
	}
	return cells, nil
}
