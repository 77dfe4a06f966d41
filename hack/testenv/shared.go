package testenv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// Main runs a package's tests, then stops the servers and removes the programs that they
// shared. Call it from TestMain: os.Exit(testenv.Main(m)). It returns the exit code, which
// is not 0 if that failed.
func Main(m *testing.M) int {
	code := m.Run()
	if err := shared.stop(); err != nil {
		fmt.Fprintln(os.Stderr, "testenv:", err)
		return max(code, 1)
	}
	return code
}

// SharedControlPlane returns the control plane that all tests use: the one that
// $DBTETHER_TESTENV names, else one started at the first call in this process.
// It ends the test if there is none to be had.
func SharedControlPlane(tb testing.TB) *ControlPlane {
	tb.Helper()
	return share(tb, "control plane", &shared.controlPlane)
}

// SharedPostgreSQL returns the server of a major version (0: any) that all tests
// use: the one that $DBTETHER_TESTENV names, else one started at the first call
// with that version in this process. Tests make their own roles and databases in
// it. It ends the test if there is none to be had.
func SharedPostgreSQL(tb testing.TB, version int) *PostgreSQL {
	tb.Helper()
	return share(tb, fmt.Sprintf("PostgreSQL %d", version), shared.postgreSQL(version))
}

// SharedPrograms returns a folder with the plugin and the webhook, built at the first call
// with that version in this process. version is what they say of themselves; empty: their
// own default. It ends the test if they cannot be built.
func SharedPrograms(tb testing.TB, version string) string {
	tb.Helper()
	return share(tb, "programs", shared.programs(version)).dir
}

// shared holds what the tests of this process share. It has to be one value for
// the process, as the servers are.
var shared = newSharedServers()

type sharedServers struct {
	described    func() (*Description, error)
	controlPlane sharedServer[*ControlPlane]

	mu       sync.Mutex // guards postgres and built
	postgres map[int]*sharedServer[*PostgreSQL]
	built    map[string]*sharedServer[programs]
}

func newSharedServers() *sharedServers {
	s := &sharedServers{described: sync.OnceValues(describedServers), postgres: map[int]*sharedServer[*PostgreSQL]{}, built: map[string]*sharedServer[programs]{}}
	s.controlPlane.start = s.startControlPlane
	return s
}

// sharedServer is started at most once; a failure is remembered.
type sharedServer[T interface{ Stop() error }] struct {
	start   func() (T, error)
	once    sync.Once
	started bool
	server  T
	err     error
}

func share[T interface{ Stop() error }](tb testing.TB, name string, s *sharedServer[T]) T {
	tb.Helper()
	s.once.Do(func() {
		s.server, s.err = s.start()
		s.started = s.err == nil
	})
	if s.err != nil {
		tb.Fatalf("share %s: %v", name, s.err)
	}
	return s.server
}

func (s *sharedServer[T]) stop() error {
	if !s.started {
		return nil
	}
	return s.server.Stop()
}

func (s *sharedServers) postgreSQL(version int) *sharedServer[*PostgreSQL] {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.postgres[version] == nil {
		s.postgres[version] = &sharedServer[*PostgreSQL]{start: func() (*PostgreSQL, error) { return s.startPostgreSQL(version) }}
	}
	return s.postgres[version]
}

// programs is a folder of programs; to stop it is to remove it.
type programs struct {
	dir    string
	remove func() error
}

// Stop removes the folder.
func (p programs) Stop() error { return p.remove() }

func (s *sharedServers) programs(version string) *sharedServer[programs] {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.built[version] == nil {
		s.built[version] = &sharedServer[programs]{start: func() (programs, error) {
			dir, remove, err := Workspace("programs")
			if err != nil {
				return programs{}, err
			}
			dir = filepath.Join(dir, "bin") // beside the lock
			if err := Build(context.Background(), dir, version, "./cmd/..."); err != nil {
				return programs{}, errors.Join(err, remove())
			}
			return programs{dir, remove}, nil
		}}
	}
	return s.built[version]
}

func (s *sharedServers) startControlPlane() (*ControlPlane, error) {
	described, err := s.described()
	if err != nil {
		return nil, err
	}
	if described.ControlPlane != nil {
		return described.ControlPlane, nil
	}
	return StartControlPlane(context.Background(), ControlPlaneOptions{Log: logToStderr})
}

func (s *sharedServers) startPostgreSQL(version int) (*PostgreSQL, error) {
	described, err := s.described()
	if err != nil {
		return nil, err
	}
	for _, server := range described.PostgreSQL {
		if version == 0 || server.Version == version {
			return server, nil
		}
	}
	return StartPostgreSQL(context.Background(), PostgreSQLOptions{Version: version, Log: logToStderr})
}

func (s *sharedServers) stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	errs := []error{s.controlPlane.stop()}
	for _, server := range s.postgres {
		errs = append(errs, server.stop())
	}
	for _, programs := range s.built {
		errs = append(errs, programs.stop())
	}
	return errors.Join(errs...)
}

func logToStderr(format string, a ...any) {
	fmt.Fprintf(os.Stderr, "testenv: "+format+"\n", a...)
}
