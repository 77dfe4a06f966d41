package policy

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/metrics"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/dbtether/kubectl-dbtether/pkg/words"
)

// fixError is the fix of a finding CodeError.
const fixError = "this is not about your object: ask the platform team to correct the policies"

// Evaluate returns what the policies of an area say of an input. It returns at the deadline
// of ctx or after Options.Timeout, whichever is first, even if a policy is still running
// then. The input must not change before it returns.
//
// A decision that cannot be made denies, with one finding CodeError. The cause is an area
// without policies, an input that lacks something, an error in a policy, a finding of another
// shape, a panic, or the deadline. An error, or a finding of another shape, in a policy whose
// on_error is warn becomes a warning with that code, and the other policies decide. Exceptions
// are applied here, and nowhere else. Evaluate does no I/O.
func (e *Engine) Evaluate(ctx context.Context, area string, input *Input) (decision Decision) {
	defer func() {
		if cause := recover(); cause != nil {
			decision = e.failed(fmt.Errorf("panic: %v", cause))
		}
	}()
	if e.refuses != nil {
		return unmade("", e.refuses)
	}
	entry, ok := e.entries[area]
	if !ok || entry.evaluated == 0 {
		return e.failed(fmt.Errorf("no policies in area %q", area))
	}
	if err := input.check(area); err != nil {
		return e.failed(err)
	}
	result := e.run(ctx, area, entry, newDocument(input, e.uses))
	if result.err != nil {
		return e.failed(result.err)
	}
	decision = Decision{
		Warn:      bound(result.warn),
		DryRun:    bound(result.dryRun),
		Evaluated: entry.evaluated,
		Revision:  e.revision,
	}
	deny, excepted := e.except(input, result.deny)
	decision.Deny, decision.Excepted = bound(deny), boundExcepted(excepted)
	decision.Allow = len(decision.Deny) == 0
	return decision
}

// failed returns the decision that could not be made because of err.
func (e *Engine) failed(err error) Decision {
	d := undecided(err)
	d.Revision = e.revision
	var located *topdown.Error
	var misshapen *shapeError
	switch {
	case errors.As(err, &misshapen):
		d.Deny[0].Policy = misshapen.policy
	case errors.As(err, &located) && located.Location != nil:
		d.Deny[0].Policy = e.names[located.Location.File]
	}
	return d
}

// undecided returns the decision of policies that failed.
func undecided(err error) Decision { return unmade("the policies could not be evaluated: ", err) }

// unmade returns a decision that could not be made; what stands before the error in its finding.
func unmade(what string, err error) Decision {
	// OPA's errors have several lines, and end up in one.
	cause := strings.Join(strings.Fields(err.Error()), " ")
	finding := Finding{Code: CodeError, Message: words.Shorten(what+cause, maxText), Fix: fixError}
	return Decision{Deny: []Finding{finding}, Err: words.Shorten(cause, maxText)}
}

// result is the outcome of an evaluation.
type result struct {
	verdicts
	err error
}

// evaluation is one run of an entry, on a goroutine of its own: OPA looks between two
// expressions only whether it is cancelled, and the answer cannot wait for that.
type evaluation struct {
	engine *Engine
	area   string
	entry  entry
	input  *ast.Term
	cancel topdown.Cancel
	// done has room for the result, so that nobody needs to wait for it.
	done chan result
	// state is decided once, by whoever is first.
	state atomic.Int32
}

// The states of an evaluation.
const (
	stateRunning int32 = iota
	stateFinished
	stateAbandoned
)

func (e *Engine) run(ctx context.Context, area string, entry entry, input *ast.Term) result {
	deadline := time.NewTimer(e.timeout)
	defer deadline.Stop()
	select {
	case e.workers <- struct{}{}:
	case <-deadline.C:
		return result{err: fmt.Errorf("no worker was free within %v", e.timeout)}
	case <-ctx.Done():
		return result{err: fmt.Errorf("no worker was free in time: %w", context.Cause(ctx))}
	}
	v := &evaluation{engine: e, area: area, entry: entry, input: input, cancel: topdown.NewCancel(), done: make(chan result, 1)}
	go v.work(ctx)
	select {
	case r := <-v.done:
		return r
	case <-deadline.C:
		return v.abandon(fmt.Errorf("no answer within %v", e.timeout))
	case <-ctx.Done():
		return v.abandon(fmt.Errorf("no answer in time: %w", context.Cause(ctx)))
	}
}

// abandon tells the evaluation to stop, and returns err without waiting for it.
func (v *evaluation) abandon(err error) result {
	v.cancel.Cancel()
	// Counted first: the worker may end, and count itself out, at once.
	v.engine.running.Add(1)
	if v.state.CompareAndSwap(stateRunning, stateAbandoned) {
		v.engine.abandoned.Add(1)
	} else {
		v.engine.running.Add(-1)
	}
	return result{err: err}
}

// work evaluates, sends the result and frees the worker. What panics is an error:
// here it would end the process.
func (v *evaluation) work(ctx context.Context) {
	var r result
	defer func() {
		if cause := recover(); cause != nil {
			r = result{err: fmt.Errorf("panic: %v", cause)}
		}
		v.done <- r
		if !v.state.CompareAndSwap(stateRunning, stateFinished) {
			v.engine.running.Add(-1)
		}
		<-v.engine.workers
	}()
	r = v.evaluate(ctx)
}

func (v *evaluation) evaluate(ctx context.Context) result {
	found, err := v.engine.ask(ctx, v.entry.query, v.input, v.cancel)
	var said verdicts
	if err == nil {
		said, err = read(found)
	}
	if err != nil && v.entry.lenient && !topdown.IsCancel(err) {
		return v.apart(ctx)
	}
	return result{said, err}
}

// ask returns the answer of a query about an input.
func (e *Engine) ask(ctx context.Context, q query, input *ast.Term, cancel topdown.Cancel, tracers ...topdown.QueryTracer) (ast.Value, error) {
	txn, err := e.store.NewTransaction(ctx)
	if err != nil {
		return nil, err
	}
	defer e.store.Abort(ctx, txn)
	asked := topdown.NewQuery(q.body).
		WithQueryCompiler(q.compiler).
		WithCompiler(e.compiler).
		WithStore(e.store).
		WithTransaction(txn).
		WithInput(input).
		WithCancel(cancel).
		WithMetrics(metrics.NoOp()).
		WithStrictBuiltinErrors(true)
	for _, tracer := range tracers {
		asked = asked.WithQueryTracer(tracer).WithIndexing(false)
	}
	var found *ast.Term
	err = asked.Iter(ctx, func(answers topdown.QueryResult) error {
		found = answers[answer]
		return nil
	})
	if err == nil && found == nil {
		err = errors.New("the policies have no answer")
	}
	if err != nil {
		return nil, err
	}
	return found.Value, nil
}
