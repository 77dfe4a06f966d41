package faults_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

// stoppedFor is how long etcd answers nothing.
const stoppedFor = 20 * time.Second

// TestEtcdSlow lets etcd stutter, then stops it, while commands of the plugin write. Each
// succeeds or says what failed, and succeeds when it is run again; the webhook, which asks
// etcd nothing, answers as ever.
func TestEtcdSlow(t *testing.T) {
	e := newEnvironment(t)
	w := e.webhook(t, "")
	s := e.ordersSite(t)
	small := w.keepAsking(s.name, 3*time.Second, 50*time.Millisecond)
	stutter := make(chan struct{})
	var stuttering sync.WaitGroup
	stuttering.Go(func() {
		for {
			err := e.kubernetes.StopEtcd()
			time.Sleep(500 * time.Millisecond)
			if err = errors.Join(err, e.kubernetes.ContinueEtcd()); err != nil {
				t.Error(err)
			}
			select {
			case <-stutter:
				return
			case <-time.After(100 * time.Millisecond):
			}
		}
	})
	s.write(t, "stutter")
	close(stutter)
	stuttering.Wait()

	must(t, e.kubernetes.StopEtcd())
	resume := time.AfterFunc(stoppedFor, func() { _ = e.kubernetes.ContinueEtcd() })
	defer resume.Stop()
	s.write(t, "stopped")
	small.check(t, 20)
	w.stop(t)
}

// write makes a database with its user, and a Secret, at the same time; then both again, and
// looks at what is there.
func (s *site) write(t *testing.T, name string) {
	t.Helper()
	commands := [][]string{
		{"db", "create", name, "--cluster", s.name, "--user", name + "-api"},
		{"secret", "set", name + "-secrets", "TOKEN=t0ken", "OTHER=0ther"},
	}
	var writing sync.WaitGroup
	for _, args := range commands {
		writing.Go(func() {
			r := s.plugin(args...)
			t.Logf("%s: %v after %s", args, r.err, r.took.Round(time.Millisecond))
			if !r.clear() {
				t.Errorf("it neither succeeded nor said what failed: %v", r)
			}
		})
	}
	writing.Wait()
	testenv.Within(t, time.Minute, "etcd answers", func() error {
		_, err := s.kubectl("", "get", "namespace", s.name)
		return err
	})
	for _, args := range commands {
		if r := s.plugin(args...); r.err != nil {
			t.Errorf("it does not succeed when it is run again: %v", r)
		}
	}
	s.checkWhole(t, name)
	got := s.must(t, "", "get", "secret", name+"-secrets", "-n", s.name, "-o", "jsonpath={.data.TOKEN} {.data.OTHER} {.metadata.labels}")
	if want := `dDBrZW4= MHRoZXI= {"dbtether.io/managed":"true"}`; got != want {
		t.Errorf("the Secret is %s, want %s", got, want)
	}
	if revisions := s.revisionsOf(t, name+"-secrets"); revisions != 1 {
		t.Errorf("the Secret has %d revisions", revisions)
	}
}
