package policy

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"sync/atomic"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"

	"github.com/dbtether/kubectl-dbtether/policies"
)

// The areas of policies.
const (
	// AreaResources judges our custom resources.
	AreaResources = "resources"
	// AreaWorkload judges pods that ask for a credential.
	AreaWorkload = "workload"
	// AreaGuard judges pods that refer to our Secrets by themselves.
	AreaGuard = "guard"
)

func areas() []string { return []string{AreaResources, AreaWorkload, AreaGuard} }

// Options of an Engine.
type Options struct {
	// Timeout bounds each evaluation. Zero: 500 ms.
	Timeout time.Duration
	// Workers bounds how many evaluations run at once, including those that were abandoned at
	// their deadline and still run. Zero: 64.
	Workers int
}

const (
	defaultTimeout = 500 * time.Millisecond
	defaultWorkers = 64
)

// Engine holds one compiled set of policies. It does not change; all of its methods
// may be called at the same time.
type Engine struct {
	compiler *ast.Compiler
	// store is empty, because policies see their input and each other only. OPA needs one.
	store    storage.Store
	entries  map[string]entry
	loaded   []policy
	policies []Metadata
	// names are the packages of the policies, by file.
	names    map[string]string
	revision string
	// uses says which costly parts of the input the policies look at.
	uses       uses
	exceptions []Exception
	problems   []string
	// refuses is the error with which every decision fails; nil in an engine that has policies.
	refuses error

	timeout time.Duration
	// workers has room for as many evaluations as may run at once.
	workers   chan struct{}
	abandoned atomic.Int64
	running   atomic.Int64
}

// Load compiles every .rego file of the built-in policies and of a set but the tests
// (_test.rego) as one whole, and runs the tests of the set. It returns an error, and no
// engine, if
//   - there is no policy;
//   - a file does not parse, compile or pass strict mode;
//   - a package is not dbtether.policies.<area>.<name> of a known area or, in a source of the
//     set, dbtether.user.<namespace>.<name> with an annotation that names one; or it is in
//     two files;
//   - deny or warn is anything but a set of objects, or a policy has neither;
//   - a policy uses input that the schema does not have, data that no policy
//     defines, or a builtin that is not allowed;
//   - a source has policies and no tests, or a test fails, cannot be read, or takes over a
//     second.
//
// A mode or an exception that is about no policy is left out, and Problems has it. It
// does no I/O.
func Load(ctx context.Context, set Set, options Options) (*Engine, error) {
	return build(ctx, policies.FS, set, options, allowedBuiltins())
}

// Refusing returns an engine for as long as no policies can be loaded: each of its decisions
// is one that could not be made, and gives the cause.
func Refusing(cause error) *Engine {
	return &Engine{refuses: fmt.Errorf("policies cannot be loaded: %w", cause)}
}

// build is Load with other built-in policies, which it reads from modules, and with other
// functions of OPA that a policy may call.
func build(ctx context.Context, modules fs.FS, set Set, options Options, builtins []string) (*Engine, error) {
	capabilities, err := restrict(builtins)
	if err != nil {
		return nil, err
	}
	builtIn, err := readBuiltIn(modules)
	if err != nil {
		return nil, fmt.Errorf("load policies: %w", err)
	}
	users := set.origins()
	loaded, revision, err := load(append([]origin{builtIn}, users...), capabilities)
	if err != nil {
		return nil, err
	}
	for i := range loaded {
		if mode, ok := set.Modes[loaded[i].name]; ok {
			loaded[i].mode = mode
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("compile policies: %w", err)
	}
	compiler, entries, err := compile(loaded, capabilities)
	if err != nil {
		return nil, err
	}
	if err := runTests(ctx, loaded, users, capabilities); err != nil {
		return nil, err
	}
	e := &Engine{
		compiler:   compiler,
		store:      inmem.New(),
		entries:    entries,
		uses:       usesOf(loaded, compiler),
		loaded:     loaded,
		names:      make(map[string]string, len(loaded)),
		revision:   set.revision(revision),
		exceptions: slices.Clone(set.Exceptions),
		problems:   slices.Concat(set.Problems, set.problems(loaded)),
		timeout:    options.Timeout,
	}
	if e.timeout <= 0 {
		e.timeout = defaultTimeout
	}
	if options.Workers <= 0 {
		options.Workers = defaultWorkers
	}
	e.workers = make(chan struct{}, options.Workers)
	for _, p := range loaded {
		e.names[p.file] = p.name
		e.policies = append(e.policies, metadata(p)...)
	}
	return e, nil
}

// Policies returns what the METADATA annotations of the policies say: one row for each
// annotated rule, sorted by file, and one for each policy that has no such rule.
func (e *Engine) Policies() []Metadata {
	return slices.Clone(e.policies)
}

// Revision identifies the set of policies: it is a digest of their files, their modes, the
// exceptions and the schema.
func (e *Engine) Revision() string { return e.revision }

// Problems returns what was wrong with the modes and the exceptions of the set, and was left
// out.
func (e *Engine) Problems() []string { return slices.Clone(e.problems) }

// Exceptions returns the exceptions of the set, including those that have expired.
func (e *Engine) Exceptions() []Exception { return slices.Clone(e.exceptions) }

// Abandoned returns how many evaluations were answered at their deadline while they
// still ran, and how many of those still run now.
func (e *Engine) Abandoned() (total, running int64) {
	return e.abandoned.Load(), e.running.Load()
}
