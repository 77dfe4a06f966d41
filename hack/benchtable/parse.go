package main

import (
	"bufio"
	"io"
	"slices"
	"strconv"
	"strings"
)

// sample is one line of `go test -bench` output.
type sample struct {
	// pkg is the package's import path, name the benchmark's without GOMAXPROCS.
	pkg, name string
	// metrics by unit, for example "ns/op" or "allocs/op".
	metrics map[string]float64
}

// parse returns the samples in the output of `go test -bench`, and all lines
// that are neither samples nor the usual frame around them: failures and logs.
// Its error is the reader's.
func parse(output io.Reader) (samples []sample, others []string, err error) {
	pkg := ""
	lines := bufio.NewScanner(output)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if path, ok := strings.CutPrefix(line, "pkg: "); ok {
			pkg = path
			continue
		}
		s, ok := parseSample(line)
		switch {
		case ok:
			s.pkg = pkg
			samples = append(samples, s)
		case !isFrame(line):
			others = append(others, line)
		}
	}
	return samples, others, lines.Err()
}

// parseSample reads "BenchmarkX/ours-2  100  123 ns/op  45 B/op  6 allocs/op",
// the format of golang.org/design/14313-benchmark-format.
func parseSample(line string) (sample, bool) {
	fields := strings.Fields(line)
	if len(fields) < 4 || len(fields)%2 != 0 || !strings.HasPrefix(fields[0], "Benchmark") {
		return sample{}, false
	}
	if _, err := strconv.Atoi(fields[1]); err != nil {
		return sample{}, false
	}
	metrics := map[string]float64{}
	for i := 2; i < len(fields); i += 2 {
		value, err := strconv.ParseFloat(fields[i], 64)
		if err != nil {
			return sample{}, false
		}
		metrics[fields[i+1]] = value
	}
	return sample{name: withoutProcs(fields[0]), metrics: metrics}, true
}

// withoutProcs cuts the -GOMAXPROCS that go test appends where it is not 1.
func withoutProcs(name string) string {
	i := strings.LastIndexByte(name, '-')
	if i < 0 {
		return name
	}
	if _, err := strconv.Atoi(name[i+1:]); err != nil {
		return name
	}
	return name[:i]
}

func isFrame(line string) bool {
	return line == "" || line == "PASS" || slices.ContainsFunc(
		[]string{"goos: ", "goarch: ", "cpu: ", "ok  \t", "?   \t", "testing: warning: no tests to run"},
		func(prefix string) bool { return strings.HasPrefix(line, prefix) },
	)
}
