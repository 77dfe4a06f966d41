package policy

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/open-policy-agent/opa/v1/storage"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// endless is a comprehension that would run for hours: it cubes a list of a thousand
// groups, again and again.
const endless = `count([1 |
		some a in input.request.groups
		some b in input.request.groups
		some c in input.request.groups
		some d in input.request.groups
		a == b
		c == d
		a == "never"
	]) > 0`

func crowded() *Input {
	in := pod()
	in.Request.Groups = nil
	for i := range 1000 {
		in.Request.Groups = append(in.Request.Groups, fmt.Sprintf("group-%d", i))
	}
	return in
}

// eventually fails unless the engine has no evaluation running within a minute.
func eventually(t *testing.T, e *Engine) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		if _, running := e.Abandoned(); running == 0 && len(e.workers) == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatal("an evaluation still runs")
		}
	}
}

func TestDeadlineHoldsAnEndlessComprehension(t *testing.T) {
	e, err := compiled(user(endless), Options{Timeout: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	wantError(t, e.Evaluate(context.Background(), AreaWorkload, crowded()), "", "no answer within 50ms")
	// How late it is depends on the machine; hours it must not be.
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("answered after %v", took)
	}
	eventually(t, e)
	if total, _ := e.Abandoned(); total != 1 {
		t.Errorf("%d abandoned", total)
	}
}

func TestDeadlineOfTheContext(t *testing.T) {
	e, err := compiled(user(endless), Options{Timeout: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	wantError(t, e.Evaluate(ctx, AreaWorkload, crowded()), "", "in time: context deadline exceeded")
	eventually(t, e)
}

func TestCancelledContext(t *testing.T) {
	e, err := compiled(user(endless), Options{Timeout: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errors.New("the client is gone"))
	wantError(t, e.Evaluate(ctx, AreaWorkload, crowded()), "", "in time: the client is gone")
	eventually(t, e)
}

// A builtin is not cancelled while it runs: the answer is there without it.
func TestDeadlineHoldsABuiltinThatOutrunsIt(t *testing.T) {
	e, err := build(context.Background(), user("bits.lsh(1, 16000000) > 0"), Set{}, Options{Timeout: 50 * time.Millisecond}, append(allowedBuiltins(), "bits.lsh"))
	if err != nil {
		t.Fatal(err)
	}
	wantError(t, e.Evaluate(context.Background(), AreaWorkload, pod()), "", "no answer within 50ms")
	if total, running := e.Abandoned(); total != 1 || running != 1 {
		t.Errorf("%d abandoned, %d running", total, running)
	}
	eventually(t, e)
	if total, running := e.Abandoned(); total != 1 || running != 0 {
		t.Errorf("%d abandoned, %d running after it ended", total, running)
	}
}

// gate is a store that no evaluation gets past until it is opened: each of them
// stands still within OPA, whatever its deadline.
type gate struct {
	storage.Store
	open chan struct{}
}

func (g gate) NewTransaction(ctx context.Context, params ...storage.TransactionParams) (storage.Transaction, error) {
	<-g.open
	return g.Store.NewTransaction(ctx, params...)
}

// Evaluations that do not return take their workers with them, and no more: with
// none left there is still an answer in time, and with them back there are decisions.
func TestWorkersAreBounded(t *testing.T) {
	e, err := Load(context.Background(), Set{}, Options{Timeout: 20 * time.Millisecond, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	open := make(chan struct{})
	e.store = gate{e.store, open}
	for n := int64(1); n <= 2; n++ {
		wantError(t, e.Evaluate(context.Background(), AreaWorkload, pod()), "", "no answer within 20ms")
		if total, running := e.Abandoned(); total != n || running != n {
			t.Errorf("%d abandoned, %d running, want %d", total, running, n)
		}
	}
	wantError(t, e.Evaluate(context.Background(), AreaWorkload, pod()), "", "no worker was free within 20ms")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	e.timeout = time.Minute
	wantError(t, e.Evaluate(ctx, AreaWorkload, pod()), "", "no worker was free in time: context canceled")
	close(open)
	eventually(t, e)
	if got := e.Evaluate(context.Background(), AreaWorkload, pod()); !got.Allow {
		t.Errorf("got %+v after they ended", got)
	}
	if total, running := e.Abandoned(); total != 2 || running != 0 {
		t.Errorf("%d abandoned, %d running", total, running)
	}
}

func TestEvaluateFromManyGoroutines(t *testing.T) {
	e := builtIn(t)
	selector := &metav1.LabelSelector{MatchLabels: map[string]string{"team": "backend"}}
	type review struct {
		area  string
		input *Input
	}
	reviews := []review{
		{AreaWorkload, pod(binding("orders-api"))},
		{AreaWorkload, pod(Binding{User: "nobody", Namespace: "shop"})},
		{AreaResources, database(Cluster{Name: "main", Exists: true, AllowedNamespaces: []string{"shop"}, NamespaceSelector: selector})},
		{AreaResources, databaseUser()},
		{AreaResources, database(Cluster{Name: "main"})},
		{"unknown", pod()},
	}
	var want []Decision
	for _, r := range reviews {
		want = append(want, e.Evaluate(context.Background(), r.area, r.input))
	}
	var wait sync.WaitGroup
	for i := range 200 {
		wait.Go(func() {
			for j := range 10 {
				n := (i + j) % len(reviews)
				if got := e.Evaluate(context.Background(), reviews[n].area, reviews[n].input); !reflect.DeepEqual(got, want[n]) {
					t.Errorf("review %d: got %+v, want %+v", n, got, want[n])
				}
				if len(e.Policies()) != 15 || strings.TrimSpace(e.Revision()) == "" {
					t.Error("policies or revision changed")
				}
			}
		})
	}
	wait.Wait()
}
