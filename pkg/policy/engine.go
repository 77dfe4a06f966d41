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
	// Workers bounds how many evaluations run at once, those that have been abandoned
	// at their deadline included. Zero: 64.
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
	// store is empty: policies see their input, and each other. OPA wants one.
	store    storage.Store
	entries  map[string]entry
	loaded   []policy
	policies []Metadata
	// names are the packages of the policies, by file.
	names    map[string]string
	revision string
	// uses is what the policies look at.
	uses       uses
	exceptions []Exception
	problems   []string
	// refuses is why nothing is decided; nil in an engine that has policies.
	refuses error

	timeout time.Duration
	// workers has room for as many evaluations as may run at once.
	workers   chan struct{}
	abandoned atomic.Int64
	running   atomic.Int64
}

// New compiles every .rego file of modules but tests (_test.rego) as one whole, as
// built-in policies. It returns an error, and no engine, if
//   - there is no policy;
//   - a file does not parse, compile or pass strict mode;
//   - a package is not dbtether.policies.<area>.<name> of a known area, or is in two
//     files;
//   - deny or warn is anything but a set of objects, or a policy has neither;
//   - a policy uses input that the schema does not have, data that no policy
//     defines, or a builtin that is not allowed.
//
// It reads modules and does no other I/O.
func New(ctx context.Context, modules fs.FS, options Options) (*Engine, error) {
	return build(ctx, modules, Set{}, options, allowedBuiltins())
}

// NewBuiltIn is New for the built-in policies alone.
func NewBuiltIn(ctx context.Context, options Options) (*Engine, error) {
	return New(ctx, policies.FS, options)
}

// Load compiles the built-in policies and those of a set as one whole, and runs the
// tests of the set. It returns an error, and no engine, for what New refuses, and if
//   - a package of a source is not dbtether.user.<namespace>.<name>, or its annotation
//     names no area;
//   - a source has policies and no tests, or a test fails, is not there, or takes over
//     a second.
//
// A mode or an exception that is about no policy is left out, and Problems has it. It
// does no I/O.
func Load(ctx context.Context, set Set, options Options) (*Engine, error) {
	return build(ctx, policies.FS, set, options, allowedBuiltins())
}

// Refusing returns an engine without policies, for as long as none can be loaded: every
// decision is one that could not be made, and says why.
func Refusing(cause error) *Engine {
	return &Engine{refuses: fmt.Errorf("policies cannot be loaded: %w", cause)}
}

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

// Policies returns what the METADATA annotations of the policies say: one row for
// each annotated rule, sorted by file, and one for a policy that has no such rule.
func (e *Engine) Policies() []Metadata {
	return append([]Metadata(nil), e.policies...)
}

// Revision returns what identifies the set of policies: a digest of their files, their
// modes, the exceptions and the schema.
func (e *Engine) Revision() string { return e.revision }

// Problems returns what was wrong with the set beside its policies, and was left out.
func (e *Engine) Problems() []string { return slices.Clone(e.problems) }

// Exceptions returns those of the set, the expired ones too.
func (e *Engine) Exceptions() []Exception { return slices.Clone(e.exceptions) }

// Abandoned returns how many evaluations were answered at their deadline while they
// still ran, and how many of those still run now.
func (e *Engine) Abandoned() (total, running int64) {
	return e.abandoned.Load(), e.running.Load()
}
