package main

import (
	"strings"
	"testing"
)

const head = "goos: linux\ngoarch: amd64\npkg: example.com/a\ncpu: A CPU\n"

func TestRun(t *testing.T) {
	for _, c := range []struct{ name, in, stdout, stderr, err string }{
		{
			name: "a pair",
			in: head + "BenchmarkPlan/baseline-2 \t 100\t 2000 ns/op\t 512 B/op\t 10 allocs/op\n" +
				"BenchmarkPlan/ours-2 \t 400\t 500.5 ns/op\t 128 B/op\t 0 allocs/op\nPASS\nok  \texample.com/a\t1.2s\n",
			stdout: `
BENCHMARK  UNIT       BASELINE  OURS  RATIO
Plan       ns/op      2000      500   0.25
Plan       B/op       512       128   0.25
Plan       allocs/op  10        0     0.00
`,
		},
		{
			name: "several runs: the median, not the mean",
			in:   head + "BenchmarkX/ours 1 1 ns/op\nBenchmarkX/ours 1 90 ns/op\nBenchmarkX/ours 1 2 ns/op\nBenchmarkX/baseline 1 2 ns/op\nBenchmarkX/baseline 1 6 ns/op\n",
			stdout: `
BENCHMARK  UNIT   BASELINE  OURS  RATIO
X          ns/op  4         2     0.50
`,
		},
		{
			name: "one side only, no side, a baseline of nothing",
			in:   head + "BenchmarkA/baseline-8 1 5 ns/op\nBenchmarkB-8 1 7 ns/op\nBenchmarkC/ours 1 1 ns/op\nBenchmarkC/baseline 1 0 ns/op\n",
			stdout: `
BENCHMARK  UNIT   BASELINE  OURS  RATIO
A          ns/op  5         -     -
B          ns/op  -         7     -
C          ns/op  0         1     -
`,
		},
		{
			name: "sizes, names with a dash, units of its own",
			in:   head + "BenchmarkX/all-apps/baseline-2 1 10 ns/op 4 queries/op\nBenchmarkX/all-apps/ours-2 1 1.25 ns/op 2 queries/op\n",
			stdout: `
BENCHMARK   UNIT        BASELINE  OURS  RATIO
X/all-apps  ns/op       10        1.25  0.12
X/all-apps  queries/op  4         2     0.50
`,
		},
		{
			name: "the same name in two packages",
			in:   head + "BenchmarkX/ours 1 1 ns/op\npkg: example.com/b\nBenchmarkX/ours 1 3 ns/op\n",
			stdout: `
BENCHMARK  UNIT   BASELINE  OURS  RATIO
X          ns/op  -         1     -
X          ns/op  -         3     -
`,
		},
		{
			name:   "a failure",
			in:     head + "BenchmarkX/ours 1 1 ns/op\n--- FAIL: BenchmarkX/baseline\n    x_test.go:1: no server\nFAIL\n",
			stdout: "\nBENCHMARK  UNIT   BASELINE  OURS  RATIO\nX          ns/op  -         1     -\n",
			stderr: "--- FAIL: BenchmarkX/baseline\n    x_test.go:1: no server\nFAIL\n",
			err:    "a benchmark failed",
		},
		{name: "no benchmarks", in: head + "PASS\nok  \texample.com/a\t0.1s\n?   \texample.com/b\t[no test files]\n", err: "no benchmark in the input"},
		{name: "nothing", err: "no benchmark in the input"},
		{name: "a broken line is passed on", in: "BenchmarkX/ours 1 fast ns/op\n", stderr: "BenchmarkX/ours 1 fast ns/op\n", err: "no benchmark in the input"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var stdout, stderr strings.Builder
			message := ""
			if err := run(strings.NewReader(c.in), &stdout, &stderr); err != nil {
				message = err.Error()
			}
			if got, want := stdout.String(), strings.TrimPrefix(c.stdout, "\n"); got != want {
				t.Errorf("stdout:\n%s\nwant:\n%s", got, want)
			}
			if stderr.String() != c.stderr {
				t.Errorf("stderr:\n%s\nwant:\n%s", stderr.String(), c.stderr)
			}
			if message != c.err {
				t.Errorf("error %q, want %q", message, c.err)
			}
		})
	}
}
