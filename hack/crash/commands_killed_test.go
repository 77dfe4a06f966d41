package crash_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pmezard/go-difflib/difflib"

	"github.com/dbtether/kubectl-dbtether/hack/crash"
	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }

// atOnce is how many runs are under way at the same time. Most of a run is waiting.
const atOnce = 4

// pointsVariable says where commands are killed: at "all" of their writes; without it, of
// those that stand in one transaction, at one; or at a "few" of these points.
const pointsVariable = "DBTETHER_CRASH_POINTS"

// fewEach is how many points one of the few stands for.
const fewEach = 4

// TestKilledAtEveryWrite kills each command at each of its writes, runs it again
// and expects what the command leads to when nobody kills it.
func TestKilledAtEveryWrite(t *testing.T) {
	e := newEnvironment(t)
	for _, c := range append(slices.Concat(provisioning, rotating, granting, adopting), restoring) {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			started := time.Now()
			clean := runClean(t, e, c)
			if t.Failed() {
				return
			}
			points := pointsOf(clean.writes)
			each(points, func(p crash.Point) {
				t.Run(pointName(p, clean.writes), func(t *testing.T) { runKilled(t, e, c, p, clean) })
			})
			t.Logf("%s: %d writes, killed at %d points, %.0f s", c.name, len(clean.writes), len(points), time.Since(started).Seconds())
		})
	}
}

// outcome is what a command that nobody kills does and leads to.
type outcome struct {
	writes []crash.Write
	state  string
}

func runClean(t *testing.T, e *environment, c command) outcome {
	s := newSite(t, e, c.asCreateRole)
	c.prepare(t, s)
	s.journal.Watch(crash.Point{}, nil)
	s.watchLogins(t, c)
	s.mustRun(t, c.args(s)...)
	clean := outcome{writes: s.journal.Writes()}
	for _, what := range c.writes {
		if !slices.ContainsFunc(clean.writes, func(w crash.Write) bool { return w.What == what }) {
			t.Errorf("the proxies saw no %s among the writes %v", what, clean.writes)
		}
	}
	clean.state = s.finish(t, c)
	return clean
}

// runKilled prepares the same once more, kills the command at the point, runs it
// again, and looks.
func runKilled(t *testing.T, e *environment, c command, p crash.Point, clean outcome) {
	s := newSite(t, e, c.asCreateRole)
	c.prepare(t, s)
	s.watchLogins(t, c)
	writes := s.runAndKill(t, p, c.args(s)...)
	want := clean.writes[:p.Number]
	if p.Before {
		want = clean.writes[:p.Number-1]
	}
	if !slices.Equal(withoutTelling(writes), withoutTelling(want)) { // others are told of several at a time
		t.Errorf("the killed command made the writes\n%v, where the other one made\n%v", writes, want)
	}
	if !c.deletes {
		s.checkLiveLogins(t, c, "after the kill")
	}
	rest := clean.writes[p.Number:]
	if p.Before {
		rest = clean.writes[p.Number-1:]
	}
	if done := onlyTells(rest); !done || !c.anew {
		s.runAgain(t, c.args(s), done, c.over)
	}
	if got := s.finish(t, c); got != clean.state {
		t.Errorf("the state differs from that after a run that was not killed:\n%s", diff(clean.state, got))
	}
}

// withoutTelling returns the writes that do not only tell others of what was done.
func withoutTelling(writes []crash.Write) []crash.Write {
	return slices.DeleteFunc(slices.Clone(writes), func(w crash.Write) bool { return w.What == "POST events" })
}

// onlyTells reports whether writes only tell others of what was done.
func onlyTells(writes []crash.Write) bool {
	return len(withoutTelling(writes)) == 0
}

// runAgain runs a command a second time. done is whether the first run made all of its
// writes: then it has to say over, unless that is empty. Otherwise it has to succeed.
func (s *site) runAgain(t *testing.T, args []string, done bool, over string) {
	t.Helper()
	again := s.run(t, args...)
	switch {
	case done && over != "":
		if !strings.Contains(again.stderr, over) {
			t.Errorf("all is done, but the command does not say %q: %v", over, again)
		}
	case again.err != nil:
		t.Errorf("the second run failed: %v", again)
	}
}

// finish checks what a command led to, and returns the state.
func (s *site) finish(t *testing.T, c command) string {
	t.Helper()
	c.check(t, s)
	s.checkSettled(t)
	s.journal.Observe(nil)
	return s.state(t)
}

// pointsOf returns where a command with these writes can be killed.
func pointsOf(writes []crash.Write) []crash.Point {
	wanted := os.Getenv(pointsVariable)
	var points []crash.Point
	for i, w := range writes {
		if w.Server == crash.ToKubernetes {
			points = append(points, crash.Point{Number: i + 1, Before: true})
		}
		if w.Open && i > 0 && writes[i-1].Open && wanted != "all" { // it is undone as the one before it
			continue
		}
		points = append(points, crash.Point{Number: i + 1})
	}
	if wanted != "few" {
		return points
	}
	var few []crash.Point
	for i := len(points) - 1; i >= 0; i -= fewEach { // the last one matters most
		few = append(few, points[i])
	}
	return few
}

func pointName(p crash.Point, writes []crash.Write) string {
	when := "after"
	if p.Before {
		when = "before"
	}
	what := strings.NewReplacer(" ", "-", "/", "-").Replace(writes[p.Number-1].What)
	return fmt.Sprintf("%02d-%s-%s", p.Number, when, what)
}

// each calls do for all, a few at once.
func each[T any](all []T, do func(T)) {
	queue := make(chan T)
	var workers sync.WaitGroup
	for range atOnce {
		workers.Go(func() {
			for one := range queue {
				do(one)
			}
		})
	}
	for _, one := range all {
		queue <- one
	}
	close(queue)
	workers.Wait()
}

func diff(want, got string) string {
	text, err := difflib.GetUnifiedDiffString(difflib.UnifiedDiff{A: difflib.SplitLines(want), B: difflib.SplitLines(got),
		FromFile: "not killed", ToFile: "killed and run again", Context: 2})
	if err != nil {
		return err.Error()
	}
	return text
}
