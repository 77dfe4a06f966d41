package skew

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

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

	once sync.Once
	dir  string // holds kubectl-dbtether and webhook
	err  error
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

// errNoHistory says that git cannot tell what the version before this one was.
var errNoHistory = errors.New("the version before this one is not at hand")

// built returns the folder of the programs. A test that needs a version which git does not
// have is skipped.
func (p *programs) built(t *testing.T) string {
	t.Helper()
	p.once.Do(func() { p.err = p.build() })
	if errors.Is(p.err, errNoHistory) {
		t.Skip(p.err)
	}
	if p.err != nil {
		t.Fatal(p.err)
	}
	return p.dir
}

func (p *programs) build() error {
	var err error
	if p.dir, err = os.MkdirTemp("", "dbtether-skew-*"); err != nil {
		return err
	}
	var root string
	if root, p.version, err = p.source(p.dir); err != nil {
		return err
	}
	cmd := exec.Command("go", "build", "-buildvcs=false", "-ldflags=-X main.version="+p.version, "-o", p.dir+string(filepath.Separator), "./cmd/...")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", p.version, err, out)
	}
	return nil
}

func (p *programs) remove() error {
	if p.dir == "" {
		return nil
	}
	return os.RemoveAll(p.dir)
}

func presentSource(string) (root, version string, err error) {
	root, err = testenv.Root()
	return root, presentVersion, err
}

// previousSource unpacks the version before this one: $DBTETHER_PREVIOUS, else the last
// tag before HEAD, else the commit in previous.txt.
func previousSource(dir string) (root, version string, err error) {
	repository, err := testenv.Root()
	if err != nil {
		return "", "", err
	}
	if version = os.Getenv("DBTETHER_PREVIOUS"); version == "" {
		version, err = git(repository, "describe", "--tags", "--abbrev=0", "--match", "v[0-9]*", "HEAD^")
		if err != nil {
			version, err = pinnedCommit(filepath.Join(repository, "hack", "skew", "previous.txt"))
		}
	}
	if err != nil {
		return "", "", err
	}
	if _, err := git(repository, "cat-file", "-e", version+"^{commit}"); err != nil {
		return "", "", fmt.Errorf("%w: git does not have %s, as in a shallow clone (git fetch --unshallow --tags brings it): %w", errNoHistory, version, err)
	}
	root = filepath.Join(dir, "source")
	archive := filepath.Join(dir, "source.tar")
	if _, err := git(repository, "archive", "--format=tar", "--output="+archive, version); err != nil {
		return "", "", err
	}
	if err := os.Mkdir(root, 0o755); err != nil {
		return "", "", err
	}
	if out, err := exec.Command("tar", "-xf", archive, "-C", root).CombinedOutput(); err != nil {
		return "", "", fmt.Errorf("unpack %s: %w\n%s", version, err, out)
	}
	return root, version, nil
}

// pinnedCommit returns the line of a file that is neither empty nor a comment.
func pinnedCommit(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if line := strings.TrimSpace(lines.Text()); line != "" && !strings.HasPrefix(line, "#") {
			return line, nil
		}
	}
	return "", fmt.Errorf("%s names no commit", path)
}

func git(dir string, args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(string(out)), nil
}
