package postgres_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
)

// benchWorkers is how many databases are made at a time: more do not help a server, which
// copies files.
const benchWorkers = 2

// largeBenchmarks names the variable that lets the benchmarks of a thousand databases
// run: each makes them, which takes about a minute and 8 GB of disk.
const largeBenchmarks = "DBTETHER_BENCH_LARGE"

func benchmarkLarge(b *testing.B) {
	b.Helper()
	if os.Getenv(largeBenchmarks) == "" {
		b.Skipf("set %s=1 to make a thousand databases", largeBenchmarks)
	}
}

// ownServer returns a server that ends with the benchmark, and its databases with it.
func ownServer(b *testing.B) fixture {
	b.Helper()
	server, err := testenv.StartPostgreSQL(context.Background(), testenv.PostgreSQLOptions{Version: 18})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := server.Stop(); err != nil {
			b.Error(err)
		}
	})
	return fixtureOf(server, false)
}

func benchApplications(b *testing.B, n int) []*application {
	apps := make([]*application, n)
	for i := range apps {
		apps[i] = newBenchApplication(b, fmt.Sprintf("%s_%d", unique(b), i))
	}
	return apps
}

// sideBySide does work for each application, some at a time.
func sideBySide(apps []*application, workers int, work func(*application) error) error {
	queue := make(chan *application)
	failed := make(chan error, len(apps))
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for app := range queue {
				if err := work(app); err != nil {
					failed <- fmt.Errorf("%s: %w", app.database, err)
				}
			}
		})
	}
	for _, app := range apps {
		queue <- app
	}
	close(queue)
	all.Wait()
	close(failed)
	return <-failed
}

// provisionOne is what a run does for one application: lock, look, plan, apply.
func provisionOne(ctx context.Context, pool *postgres.Pool, app *application) error {
	server, err := pool.Get(ctx)
	if err != nil {
		return err
	}
	defer server.Close()
	if err := server.Lock(ctx, []string{postgres.LockDatabase(app.database), postgres.LockRole(app.desired.Logins[0].Name)}, nil); err != nil {
		return err
	}
	scope := app.scope()
	scope.Named, scope.Extensions = true, nil
	state, err := server.Observe(ctx, scope)
	if err != nil {
		return err
	}
	plan, err := postgres.MakePlan(state, app.desired)
	if err != nil {
		return err
	}
	return server.Apply(ctx, plan, app.values, nil)
}

func provisionAll(f fixture, apps []*application, workers int) error {
	pool := postgres.NewPool(f.endpoint, f.login, "postgres", workers)
	defer pool.Close()
	return sideBySide(apps, workers, func(app *application) error { return provisionOne(context.Background(), pool, app) })
}

// BenchmarkProvision100 makes a hundred databases with one admin login each. Under psql
// the baseline is one psql process for each, which runs the very statements that we
// send, as many at a time, without our locks, looks and plans. Under server we make one
// database after the other, and the baseline is the sum of what the server says that our
// statements took: the rest is logins, round trips, looking, planning.
func BenchmarkProvision100(b *testing.B) { benchmarkProvision(b, 100) }

// BenchmarkProvision1000 is the same for a thousand.
func BenchmarkProvision1000(b *testing.B) {
	benchmarkLarge(b)
	benchmarkProvision(b, 1000)
}

func benchmarkProvision(b *testing.B, n int) {
	b.Run("psql/baseline", func(b *testing.B) {
		if _, err := exec.LookPath("psql"); err != nil {
			b.Skip("left out: no psql is on the PATH")
		}
		f := ownServer(b)
		for b.Loop() {
			b.StopTimer()
			apps := benchApplications(b, n)
			scripts := psqlScripts(b, f, apps)
			b.StartTimer()
			if err := sideBySide(apps, benchWorkers, func(app *application) error { return psql(f, scripts[app.database]) }); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("psql/ours", func(b *testing.B) { benchmarkOurs(b, ownServer(b), n, benchWorkers) })
	b.Run("server", func(b *testing.B) { benchmarkServer(b, n) })
}

// benchmarkServer reports one run as two: how long it took, and how much of that the
// server logged. Two runs on a busy machine could not be compared.
func benchmarkServer(b *testing.B, n int) {
	f := ownServer(b)
	execute(b, f, "postgres", "ALTER ROLE "+f.login.Username+" SET log_min_duration_statement = 0")
	apps, before, started := benchApplications(b, n), logSize(b, f), time.Now()
	if err := provisionAll(f, apps, 1); err != nil {
		b.Fatal(err)
	}
	whole := time.Since(started)
	for side, took := range map[string]time.Duration{"baseline": loggedDuration(b, f, before), "ours": whole} {
		b.Run(side, func(b *testing.B) { b.ReportMetric(float64(took.Nanoseconds()), "ns/op") })
	}
}

func benchmarkOurs(b *testing.B, f fixture, n, workers int) {
	for b.Loop() {
		b.StopTimer()
		apps := benchApplications(b, n)
		b.StartTimer()
		if err := provisionAll(f, apps, workers); err != nil {
			b.Fatal(err)
		}
	}
}

// psqlScripts returns each application's plan as a script with its values.
func psqlScripts(b *testing.B, f fixture, apps []*application) map[string]string {
	b.Helper()
	server, scripts := f.dial(b), map[string]string{}
	for _, app := range apps {
		var script strings.Builder
		for line := range strings.Lines(app.plan(b, server).SQL("postgres")) {
			script.WriteString(filled(app, line))
		}
		scripts[app.database] = script.String()
	}
	return scripts
}

func psql(f fixture, script string) error {
	cmd := exec.Command("psql", "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--file", "-", f.server.AdminURL(""))
	cmd.Stdin = strings.NewReader(script)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("psql: %w: %s", err, out)
	}
	return nil
}

func logSize(b *testing.B, f fixture) int64 {
	b.Helper()
	info, err := os.Stat(f.server.LogFile)
	if err != nil {
		b.Fatal(err)
	}
	return info.Size()
}

// logged matches what log_min_duration_statement writes of the extended protocol, where
// parsing, binding and executing are logged each on its own.
var logged = regexp.MustCompile(`duration: ([0-9.]+) ms +(?:parse|bind|execute) [^:]+: (\w+)`)

// loggedDuration sums the statements that change something, from an offset of the
// server's log on.
func loggedDuration(b *testing.B, f fixture, from int64) time.Duration {
	b.Helper()
	file, err := os.Open(f.server.LogFile)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(io.NewSectionReader(file, from, 1<<40))
	if err != nil {
		b.Fatal(err)
	}
	sum, statements := time.Duration(0), 0
	for line := range bytes.Lines(text) {
		found := logged.FindSubmatch(line)
		if found == nil || string(found[2]) == "SELECT" || string(found[2]) == "WITH" {
			continue
		}
		ms, err := strconv.ParseFloat(string(found[1]), 64)
		if err != nil {
			b.Fatal(err)
		}
		sum += time.Duration(ms * float64(time.Millisecond))
		statements++
	}
	if statements == 0 {
		b.Fatal("the server logged no statement")
	}
	return sum
}

// standing makes databases on a server of its own, and returns what asks for all of them.
func standing(b *testing.B, n int) (fixture, postgres.Scope, postgres.Desired) {
	b.Helper()
	f, apps := ownServer(b), benchApplications(b, n)
	if err := provisionAll(f, apps, benchWorkers); err != nil {
		b.Fatal(err)
	}
	scope, desired := postgres.Scope{Named: true, Fingerprints: true}, postgres.Desired{}
	for _, app := range apps {
		scope.Databases = append(scope.Databases, app.database)
		scope.Logins = append(scope.Logins, app.desired.Logins[0].Name)
		desired.Databases = append(desired.Databases, app.desired.Databases...)
		desired.Logins = append(desired.Logins, app.desired.Logins...)
	}
	return f, scope, desired
}

// BenchmarkNothingToDo looks after databases that stand: ours compares fingerprints and
// plans without looking inside, the baseline reads every database. No statement comes of
// either. BenchmarkFullRead is that reading alone; its baseline logs in to each database,
// one after the other, and asks nothing.
func BenchmarkNothingToDo(b *testing.B) {
	b.Run("100", func(b *testing.B) { benchmarkNothingToDo(b, 100) })
	b.Run("1000", func(b *testing.B) {
		benchmarkLarge(b)
		benchmarkNothingToDo(b, 1000)
	})
}

func benchmarkNothingToDo(b *testing.B, n int) {
	ctx := context.Background()
	f, full, desired := standing(b, n)
	server := f.dial(b)
	known := observe(b, server, full)
	nothing := func(b *testing.B, scope postgres.Scope, desired postgres.Desired) {
		state, err := server.Observe(ctx, scope)
		if err != nil {
			b.Fatal(err)
		}
		if !maps.Equal(state.Fingerprints, known.Fingerprints) {
			b.Fatal("a fingerprint changed although nothing did")
		}
		plan, err := postgres.MakePlan(state, desired)
		if err != nil || !plan.Empty() {
			b.Fatalf("not nothing (%v):\n%s", err, plan.SQL("postgres"))
		}
	}
	b.Run("baseline", func(b *testing.B) {
		for b.Loop() {
			nothing(b, full, desired)
		}
	})
	b.Run("ours", func(b *testing.B) {
		outside := full
		outside.Databases, outside.References = nil, full.Databases
		settled := desired
		settled.Databases = nil
		for _, db := range desired.Databases {
			db.Settled = true
			settled.Databases = append(settled.Databases, db)
		}
		for b.Loop() {
			nothing(b, outside, settled)
		}
	})
}

// BenchmarkFullRead reads databases from the inside; see BenchmarkNothingToDo.
func BenchmarkFullRead(b *testing.B) {
	b.Run("100", func(b *testing.B) { benchmarkFullRead(b, 100) })
	b.Run("1000", func(b *testing.B) {
		benchmarkLarge(b)
		benchmarkFullRead(b, 1000)
	})
}

func benchmarkFullRead(b *testing.B, n int) {
	ctx := context.Background()
	f, scope, _ := standing(b, n)
	server := f.dial(b)
	b.Run("baseline", func(b *testing.B) {
		for b.Loop() {
			for _, name := range scope.Databases {
				conn, err := pgx.Connect(ctx, f.server.AdminURL(name))
				if err != nil {
					b.Fatal(err)
				}
				_ = conn.Close(ctx)
			}
		}
	})
	b.Run("ours", func(b *testing.B) {
		for b.Loop() {
			if state, err := server.Observe(ctx, scope); err != nil || len(state.Contents) != n {
				b.Fatalf("%d databases were read (%v)", len(state.Contents), err)
			}
		}
	})
}
