package main

// row is a heading and the panels below it, from left to right. Grafana divides the width
// of a dashboard into 24 columns.
type row struct {
	title  string
	panels []panel
}

// panel is a graph unless its kind says otherwise.
type panel struct {
	title, says string
	kind        string // timeseries (default), stat, table
	unit        string
	width       int // default 8
	queries     []query
	stacked     bool
	// From warn on a value is yellow, from bad on it is red; with below, down from there.
	warn, bad *float64
	below     bool
}

// query is PromQL, and what a line of its result is called.
type query struct{ expr, legend string }

const (
	panelHeight  = 8
	statHeight   = 4
	lineWidth    = 24
	defaultWidth = 8
)

// at returns a threshold.
func at(value float64) *float64 { return &value }

// dashboard returns the dashboard as JSON that Grafana imports. It names no data source
// and no namespace: both are chosen in it. Equal sources give equal bytes.
func dashboard() ([]byte, error) {
	rows := append(webhookRows(), runnerRows()...)
	board := object{
		{"title", "dbtether"},
		{"uid", "dbtether"},
		{"description", "The admission webhook and the runner of dbtether. docs/observability.md says what each metric tells."},
		{"tags", []string{"dbtether"}},
		{"schemaVersion", 39},
		{"editable", true},
		{"graphTooltip", 1},
		{"refresh", "1m"},
		{"time", object{{"from", "now-6h"}, {"to", "now"}}},
		{"timezone", "browser"},
		{"templating", object{{"list", variables()}}},
		{"panels", layOut(rows)},
	}
	text, err := board.text("")
	return []byte(text + "\n"), err
}

func variables() []object {
	return []object{
		{{"name", "datasource"}, {"label", "Data source"}, {"type", "datasource"}, {"query", "prometheus"}},
		{{"name", "namespace"}, {"label", "Namespace"}, {"type", "query"}, {"datasource", datasource()},
			{"query", object{{"query", "label_values(dbtether_webhook_build_info, namespace)"}, {"refId", "namespace"}}},
			{"refresh", 2}, {"sort", 1}, {"includeAll", true}, {"allValue", ".*"}},
	}
}

func datasource() object { return object{{"type", "prometheus"}, {"uid", "${datasource}"}} }

// layOut places rows one below the other. The number of a panel is that of its row and
// its place in it, so that a new one renumbers no other row.
func layOut(rows []row) []object {
	var panels []object
	y := 0
	for i, r := range rows {
		panels = append(panels, object{{"id", (i + 1) * 100}, {"type", "row"}, {"title", r.title}, {"collapsed", false},
			{"gridPos", position(lineWidth, 1, 0, y)}, {"panels", []object{}}})
		y++
		x, height := 0, 0
		for j, p := range r.panels {
			width, tall := p.size()
			if x+width > lineWidth {
				x, y = 0, y+height
			}
			panels = append(panels, p.object((i+1)*100+j+1, position(width, tall, x, y)))
			x, height = x+width, tall
		}
		y += height
	}
	return panels
}

func position(w, h, x, y int) object { return object{{"h", h}, {"w", w}, {"x", x}, {"y", y}} }

func (p panel) size() (width, height int) {
	width, height = p.width, panelHeight
	if width == 0 {
		width = defaultWidth
	}
	if p.kind == "stat" {
		height = statHeight
	}
	return width, height
}

func (p panel) object(id int, position object) object {
	kind := p.kind
	if kind == "" {
		kind = "timeseries"
	}
	var targets []object
	for i, q := range p.queries {
		target := object{{"refId", string(rune('A' + i))}, {"datasource", datasource()}, {"expr", q.expr}, {"legendFormat", q.legend}}
		switch kind {
		case "stat", "table":
			target = append(target, field{"instant", true}, field{"range", false})
		default:
			target = append(target, field{"instant", false}, field{"range", true})
		}
		if kind == "table" {
			target = append(target, field{"format", "table"})
		}
		targets = append(targets, target)
	}
	return object{
		{"id", id}, {"type", kind}, {"title", p.title}, {"description", p.says}, {"datasource", datasource()}, {"gridPos", position},
		{"fieldConfig", object{{"defaults", p.defaults(kind)}, {"overrides", []object{}}}},
		{"options", options(kind)},
		{"targets", targets},
	}
}

// defaults are of every line: its unit, where it becomes yellow and red, how it is drawn.
func (p panel) defaults(kind string) object {
	all := object{{"unit", p.unit}, {"thresholds", object{{"mode", "absolute"}, {"steps", p.steps()}}}}
	if kind != "timeseries" {
		return all
	}
	custom := object{{"lineWidth", 1}, {"fillOpacity", 10}, {"showPoints", "never"}}
	if p.stacked {
		custom = append(custom, field{"stacking", object{{"mode", "normal"}, {"group", "A"}}})
	}
	if p.warn != nil || p.bad != nil {
		custom = append(custom, field{"thresholdsStyle", object{{"mode", "line"}}})
	}
	return append(all, field{"min", 0}, field{"custom", custom})
}

// steps are the colours from a value on, the lowest first.
func (p panel) steps() []object {
	colours, values := []string{"green", "yellow", "red"}, []*float64{nil, p.warn, p.bad}
	if p.below {
		colours, values = []string{"red", "yellow", "green"}, []*float64{nil, p.bad, p.warn}
		if p.warn == nil {
			colours = []string{"red", "green"}
		}
	}
	var steps []object
	for i, colour := range colours {
		if i == 0 {
			steps = append(steps, object{{"color", colour}, {"value", nil}})
		} else if values[i] != nil {
			steps = append(steps, object{{"color", colour}, {"value", *values[i]}})
		}
	}
	return steps
}

func options(kind string) object {
	switch kind {
	case "stat":
		return object{{"reduceOptions", object{{"calcs", []string{"lastNotNull"}}, {"values", false}}}, {"colorMode", "background"}, {"graphMode", "none"}}
	case "table":
		return object{{"showHeader", true}}
	}
	return object{{"legend", object{{"displayMode", "list"}, {"placement", "bottom"}}}, {"tooltip", object{{"mode", "multi"}, {"sort", "desc"}}}}
}
