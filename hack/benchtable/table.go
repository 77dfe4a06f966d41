package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

const (
	baseline = "/baseline"
	ours     = "/ours"
)

// row compares the two sides of one benchmark in one unit. A side that did not
// run is nil.
type row struct {
	benchmark, unit string
	baseline, ours  *float64
}

// rows pairs BenchmarkX/baseline with BenchmarkX/ours, in the order in which the
// benchmarks first appear. Samples of several runs are reduced to their median.
// A benchmark of neither name is its own row, as ours.
func rows(samples []sample) []row {
	type key struct{ benchmark, unit, side string }
	values := map[key][]float64{}
	var order []key
	for _, s := range samples {
		benchmark, side := split(s.name)
		for _, unit := range units(s.metrics) {
			first := key{benchmark: s.pkg + "\x00" + benchmark, unit: unit}
			if !slices.Contains(order, first) {
				order = append(order, first)
			}
			k := key{first.benchmark, unit, side}
			values[k] = append(values[k], s.metrics[unit])
		}
	}
	result := make([]row, 0, len(order))
	for _, k := range order {
		_, name, _ := strings.Cut(k.benchmark, "\x00")
		result = append(result, row{
			benchmark: name,
			unit:      k.unit,
			baseline:  median(values[key{k.benchmark, k.unit, baseline}]),
			ours:      median(values[key{k.benchmark, k.unit, ours}]),
		})
	}
	return result
}

func split(name string) (benchmark, side string) {
	name = strings.TrimPrefix(name, "Benchmark")
	if benchmark, ok := strings.CutSuffix(name, baseline); ok {
		return benchmark, baseline
	}
	return strings.TrimSuffix(name, ours), ours
}

// units returns the units of a sample: time, bytes, allocations, then the
// benchmark's own by name.
func units(metrics map[string]float64) []string {
	usual := []string{"ns/op", "B/op", "allocs/op"}
	var own []string
	for unit := range metrics {
		if !slices.Contains(usual, unit) {
			own = append(own, unit)
		}
	}
	slices.Sort(own)
	return append(slices.DeleteFunc(usual, func(unit string) bool {
		_, ok := metrics[unit]
		return !ok
	}), own...)
}

func median(values []float64) *float64 {
	if len(values) == 0 {
		return nil
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := sorted[len(sorted)/2]
	if len(sorted)%2 == 0 {
		middle = (sorted[len(sorted)/2-1] + middle) / 2
	}
	return &middle
}

// write prints the rows as a table. A ratio below 1 means that ours needs less.
func write(w io.Writer, all []row) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "BENCHMARK\tUNIT\tBASELINE\tOURS\tRATIO")
	for _, r := range all {
		ratio := "-"
		if r.baseline != nil && r.ours != nil && *r.baseline != 0 {
			ratio = fmt.Sprintf("%.2f", *r.ours / *r.baseline)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", r.benchmark, r.unit, number(r.baseline), number(r.ours), ratio)
	}
	return table.Flush()
}

func number(value *float64) string {
	switch {
	case value == nil:
		return "-"
	case *value >= 100 || *value == float64(int64(*value)):
		return fmt.Sprintf("%.0f", *value)
	default:
		return fmt.Sprintf("%.3g", *value)
	}
}
