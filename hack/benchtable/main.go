// Command benchtable reads the output of `go test -bench` and prints one table
// in which each benchmark stands beside its baseline. The convention: a
// benchmark has the sub-benchmarks baseline and ours, so BenchmarkX/baseline is
// compared with BenchmarkX/ours; BenchmarkX/large/baseline with
// BenchmarkX/large/ours. The ratio is ours to baseline.
//
//	go test -run '^$' -bench . -benchmem ./... | go run ./hack/benchtable
//
// Failures and logs in the output are passed on to stderr. It exits with 1 if
// the output reports a failure or holds no benchmark.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

func main() {
	if err := run(os.Stdin, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "benchtable:", err)
		os.Exit(1)
	}
}

func run(stdin io.Reader, stdout, stderr io.Writer) error {
	samples, others, err := parse(stdin)
	for _, line := range others {
		fmt.Fprintln(stderr, line)
	}
	if err != nil {
		return fmt.Errorf("read the output of go test: %w", err)
	}
	if len(samples) > 0 {
		if err := write(stdout, rows(samples)); err != nil {
			return err
		}
	}
	if slices.ContainsFunc(others, func(line string) bool { return strings.HasPrefix(line, "FAIL") || strings.HasPrefix(line, "--- FAIL") }) {
		return errors.New("a benchmark failed")
	}
	if len(samples) == 0 {
		return errors.New("no benchmark in the input")
	}
	return nil
}
