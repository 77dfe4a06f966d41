package crash_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dbtether/kubectl-dbtether/hack/crash"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// TestChangesKilledAtEveryWrite kills each command that writes to Secrets at each of its
// writes. Run again it leads to what it leads to when nobody kills it; and if another
// command comes instead, nothing that was there or on its way is lost.
func TestChangesKilledAtEveryWrite(t *testing.T) {
	e := newEnvironment(t)
	for _, c := range changing {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			started := time.Now()
			clean := c.runClean(t, e)
			if t.Failed() {
				return
			}
			points := pointsOf(clean.writes)
			each(points, func(p crash.Point) {
				t.Run(pointName(p, clean.writes)+"-again", func(t *testing.T) { c.runAgain(t, e, p, clean) })
				t.Run(pointName(p, clean.writes)+"-other", func(t *testing.T) { c.runOther(t, e, p) })
			})
			t.Logf("%s: %d writes, killed at %d points, %.0f s", c.name, len(clean.writes), len(points), time.Since(started).Seconds())
		})
	}
}

func (c change) runClean(t *testing.T, e *environment) outcome {
	s := newSite(t, e, false)
	c.prepare(t, s)
	before := s.histories(t)
	s.journal.Watch(crash.Point{}, nil)
	s.mustRun(t, c.args(s)...)
	clean := outcome{writes: s.journal.Writes(), state: s.state(t)}
	if made := whatOf(clean.writes); !c.sameWrites(made, c.writes) {
		t.Errorf("it made the writes\n%v, want\n%v", made, c.writes)
	}
	c.checkAll(t, s, before)
	return clean
}

// checkAll looks at what the command led to, after what was there before it.
func (c change) checkAll(t *testing.T, s *site, before map[string]history) {
	t.Helper()
	after := s.histories(t)
	if !c.purges {
		checkKept(t, before, after)
	}
	for name := range after {
		s.checkHistory(t, name)
	}
	if c.check != nil {
		c.check(t, s)
	}
}

func whatOf(writes []crash.Write) []string {
	var what []string
	for _, w := range writes {
		what = append(what, w.What)
	}
	return what
}

// kill prepares the same once more and kills the command at the point.
func (c change) kill(t *testing.T, s *site, p crash.Point) {
	t.Helper()
	writes := whatOf(s.runAndKill(t, p, c.args(s)...))
	made := p.Number
	if p.Before {
		made--
	}
	// Of several that write at a time, the others' writes come through or die, too.
	if !c.several && !slices.Equal(writes, c.writes[:made]) {
		t.Errorf("the killed command made the writes\n%v of\n%v", writes, c.writes)
	}
}

// runAgain runs the killed command a second time.
func (c change) runAgain(t *testing.T, e *environment, p crash.Point, clean outcome) {
	s := newSite(t, e, false)
	c.prepare(t, s)
	before := s.histories(t)
	c.kill(t, s, p)
	done := c.done > 0 && (p.Number > c.done || p.Number == c.done && !p.Before)
	args := c.args
	if done && c.instead != nil {
		args = c.instead
	}
	s.runAgain(t, args(s), done, c.over)
	if done && c.over == "" && c.instead == nil {
		c.checkAll(t, s, before)
	} else if got := s.state(t); got != clean.state {
		t.Errorf("the state differs from that after a run that was not killed:\n%s", diff(clean.state, got))
	}
}

// runOther runs another command after the kill.
func (c change) runOther(t *testing.T, e *environment, p crash.Point) {
	s := newSite(t, e, false)
	c.prepare(t, s)
	before := s.histories(t)
	c.kill(t, s, p)
	killed := s.histories(t)
	other := setOther
	if c.other != nil {
		other = c.other
	}
	next := other(t, s, p)
	s.mustRun(t, next.args...)
	after := s.histories(t)
	if !c.purges {
		checkKept(t, before, after)
	}
	checkKept(t, killed, after)
	s.checkHistory(t, next.secret)
	want := next.makes(killed[next.secret].intended(before[next.secret]))
	if got := after[next.secret]; got.live == nil || !secret.Data(got.live.Data).Equal(want) {
		t.Errorf("secret %s holds %s, want %q", next.secret, got, want)
	}
	if t.Failed() {
		t.Logf("before: %s\nkilled: %s\nafter:  %s", before[next.secret], killed[next.secret], after[next.secret])
	}
}
