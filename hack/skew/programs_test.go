package skew

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/dbtether/kubectl-dbtether/hack/history"
	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

func TestMain(m *testing.M) {
	code := testenv.Main(m)
	if err := errors.Join(present.remove(), previous.remove()); err != nil {
		fmt.Fprintln(os.Stderr, "skew:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// programs are the plugin and the webhook of one version, built once for all tests.
type programs struct {
	version string
	source  func(dir string) (root, version string, err error)

	once      sync.Once
	dir       string // holds kubectl-dbtether and webhook
	removeDir func() error
	err       error
}

// present is built from the files as they are, and previous from what git has of the
// version before.
var (
	present  = &programs{source: presentSource}
	previous = &programs{source: previousSource}
)

// presentVersion is what these files are called; it is a release, so that versions can be
// told apart.
const presentVersion = "v0.5.0"

// built returns the folder of the programs. A test that needs a version which git does not
// have is skipped.
func (p *programs) built(t *testing.T) string {
	t.Helper()
	p.once.Do(func() { p.err = p.build() })
	if errors.Is(p.err, history.ErrMissing) {
		t.Skip(p.err)
	}
	if p.err != nil {
		t.Fatal(p.err)
	}
	return p.dir
}

func (p *programs) build() error {
	folder, remove, err := testenv.Workspace("skew")
	if err != nil {
		return err
	}
	p.dir, p.removeDir = filepath.Join(folder, "bin"), remove
	var root string
	if root, p.version, err = p.source(p.dir); err != nil {
		return err
	}
	return testenv.BuildFrom(context.Background(), root, p.dir, p.version, "./cmd/...")
}

func (p *programs) remove() error {
	if p.removeDir == nil {
		return nil
	}
	return p.removeDir()
}

func presentSource(string) (root, version string, err error) {
	root, err = testenv.Root()
	return root, presentVersion, err
}

// previousSource unpacks the version before this one.
func previousSource(dir string) (root, version string, err error) {
	repository, err := testenv.Root()
	if err != nil {
		return "", "", err
	}
	version, commit, err := history.Previous(context.Background(), repository)
	if err != nil {
		return "", "", err
	}
	root = filepath.Join(dir, "source")
	return root, version, history.Unpack(context.Background(), repository, commit, root)
}
