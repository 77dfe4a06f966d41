package plugin_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }

// program is the built plugin and the API server it talks to.
type program struct {
	server *testenv.ControlPlane
	bin    string // folder with kubectl, kubectl-dbtether and its completer
}

var theProgram struct {
	once sync.Once
	program
	err error
}

// installed builds the plugin once, for the API server that all tests share, and
// installs its resource definitions there.
func installed(t testing.TB) program {
	t.Helper()
	server := testenv.SharedControlPlane(t)
	theProgram.once.Do(func() {
		theProgram.program, theProgram.err = build(server)
		if theProgram.err == nil {
			theProgram.err = theProgram.shell("kubectl dbtether crds | kubectl apply --server-side -f - && kubectl wait --for=condition=Established " +
				"--timeout=60s crd/dbclusters.dbtether.io crd/databases.dbtether.io crd/databaseusers.dbtether.io")
		}
	})
	if theProgram.err != nil {
		t.Fatal(theProgram.err)
	}
	return theProgram.program
}

func build(server *testenv.ControlPlane) (program, error) {
	p := program{server: server, bin: filepath.Join(server.Dir, fmt.Sprintf("plugin-%d", os.Getpid()))}
	if err := os.MkdirAll(p.bin, 0o755); err != nil {
		return p, err
	}
	if err := compile(filepath.Join(p.bin, "kubectl-dbtether"), "./cmd/kubectl-dbtether"); err != nil {
		return p, err
	}
	if err := os.Symlink(server.Kubectl, filepath.Join(p.bin, "kubectl")); err != nil {
		return p, err
	}
	return p, p.shell("kubectl dbtether completion install")
}

// compile builds a program of this project as version v0.0.0-test.
func compile(target, program string) error {
	root, err := testenv.Root()
	if err != nil {
		return err
	}
	cmd := exec.Command("go", "build", "-ldflags=-X main.version=v0.0.0-test", "-o", target, program)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", program, err, out)
	}
	return nil
}

// ownControlPlane starts an API server that ends with the test: for what concerns all of
// a cluster, where the shared one will not do.
func ownControlPlane(t *testing.T) *testenv.ControlPlane {
	t.Helper()
	server, err := testenv.StartControlPlane(context.Background(), testenv.ControlPlaneOptions{Log: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	return server
}

// webhookAccount is the user that the webhook is in a cluster.
const webhookAccount = "system:serviceaccount:dbtether-system:dbtether-webhook"

// shell runs a line of sh as the administrator of the API server.
func (p program) shell(line string) error {
	command := exec.Command("sh", "-c", line)
	command.Env = append(os.Environ(), "KUBECONFIG="+p.server.Kubeconfig, "PATH="+p.path())
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", line, err, out)
	}
	return nil
}

func (p program) path() string {
	return p.bin + string(os.PathListSeparator) + os.Getenv("PATH")
}

// suffix returns six letters that make the names of one test its own. They spell
// no word, and hold no digit that a column of numbers would be mistaken for.
func suffix() string {
	const letters = "bcdfghjklmnpqrstvwxz"
	text := make([]byte, 6)
	for i := range text {
		text[i] = letters[rand.IntN(len(letters))]
	}
	return string(text)
}

// namespace makes the namespace of a test and returns its name.
func (p program) namespace(suffix string) (string, error) {
	name := "script-" + suffix
	out, err := exec.Command(p.server.Kubectl, "--kubeconfig", p.server.Kubeconfig, "create", "namespace", name).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("create namespace: %w\n%s", err, out)
	}
	return name, nil
}

// kubeconfig copies one and lets its context name the namespace.
func (p program) kubeconfig(source, target, namespace string) error {
	text, err := os.ReadFile(source)
	if err != nil {
		return err
	}
	if err := os.WriteFile(target, text, 0o600); err != nil {
		return err
	}
	out, err := exec.Command(p.server.Kubectl, "--kubeconfig", target, "config", "set-context", "--current", "--namespace", namespace).CombinedOutput()
	if err != nil {
		return fmt.Errorf("set the namespace: %w\n%s", err, out)
	}
	return nil
}
