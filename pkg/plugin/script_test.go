package plugin_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }

// TestScripts runs the built plugin as `kubectl dbtether` against a real API
// server. A script finds
//
//	$NS             a namespace of its own, which its kubeconfig's context names;
//	                clusters, which have no namespace, are called $NS too
//	$DEV            a kubeconfig of the user dev, who may do nothing
//	kubectl         and the plugin, in PATH
//	grant USER VERB RESOURCE…  lets a user do something in $NS
//	plain STREAM    writes what the last command said to STREAM.txt, without
//	                what changes from run to run
//
// UPDATE_SCRIPTS=1 rewrites the expected output of cmp.
func TestScripts(t *testing.T) {
	p := installed(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		Setup: func(env *testscript.Env) error {
			return p.setup(env)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"grant": grant,
			"plain": plain,
		},
	})
}

// program is the built plugin and the server it talks to.
type program struct {
	server *testenv.ControlPlane
	bin    string // folder with kubectl, kubectl-dbtether and its completer
	dev    string // kubeconfig of a user without rights
}

var theProgram struct {
	once sync.Once
	program
	err error
}

// installed builds the plugin once and installs its resource definitions.
func installed(t *testing.T) program {
	t.Helper()
	server := testenv.SharedControlPlane(t)
	theProgram.once.Do(func() {
		theProgram.program, theProgram.err = install(server)
	})
	if theProgram.err != nil {
		t.Fatal(theProgram.err)
	}
	return theProgram.program
}

func install(server *testenv.ControlPlane) (program, error) {
	p := program{server: server, bin: filepath.Join(server.Dir, fmt.Sprintf("plugin-%d", os.Getpid()))}
	if err := os.MkdirAll(p.bin, 0o755); err != nil {
		return p, err
	}
	root, err := testenv.Root()
	if err != nil {
		return p, err
	}
	plugin := filepath.Join(p.bin, "kubectl-dbtether")
	build := exec.Command("go", "build", "-ldflags=-X main.version=v0.0.0-test", "-o", plugin, "./cmd/kubectl-dbtether")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return p, fmt.Errorf("build the plugin: %w\n%s", err, out)
	}
	if err := os.Symlink(server.Kubectl, filepath.Join(p.bin, "kubectl")); err != nil {
		return p, err
	}
	for _, line := range []string{
		"kubectl dbtether completion install",
		"kubectl dbtether crds | kubectl apply --server-side -f -",
		"kubectl wait --for=condition=Established --timeout=60s crd/dbclusters.dbtether.io crd/databases.dbtether.io crd/databaseusers.dbtether.io",
	} {
		command := exec.Command("sh", "-c", line)
		command.Env = append(os.Environ(), "KUBECONFIG="+server.Kubeconfig, "PATH="+p.path())
		if out, err := command.CombinedOutput(); err != nil {
			return p, fmt.Errorf("%s: %w\n%s", line, err, out)
		}
	}
	p.dev, err = server.KubeconfigFor("dev", "developers")
	return p, err
}

func (p program) path() string {
	return p.bin + string(os.PathListSeparator) + os.Getenv("PATH")
}

// namespace makes a namespace with a new name and returns the name.
func (p program) namespace() (string, error) {
	name := fmt.Sprintf("script-%06x", rand.IntN(1<<24))
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

func (p program) setup(env *testscript.Env) error {
	namespace, err := p.namespace()
	if err != nil {
		return err
	}
	admin, dev := filepath.Join(env.WorkDir, ".admin"), filepath.Join(env.WorkDir, ".dev")
	if err := p.kubeconfig(p.server.Kubeconfig, admin, namespace); err != nil {
		return err
	}
	if err := p.kubeconfig(p.dev, dev, namespace); err != nil {
		return err
	}
	env.Setenv("NS", namespace)
	env.Setenv("KUBECONFIG", admin)
	env.Setenv("DEV", dev)
	env.Setenv("PATH", p.path())
	env.Setenv("BIN", p.bin)
	env.Setenv("HOME", env.WorkDir)
	return nil
}

// grant lets a user do something: grant USER VERB RESOURCE…
func grant(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: grant USER VERB RESOURCE...")
	}
	name := "grant-" + args[0] + "-" + args[1]
	ts.Check(ts.Exec("kubectl", "create", "role", name, "--verb="+args[1], "--resource="+strings.Join(args[2:], ",")))
	ts.Check(ts.Exec("kubectl", "create", "rolebinding", name, "--role="+name, "--user="+args[0]))
}

var changing = []struct {
	pattern *regexp.Regexp
	plain   string
}{
	{regexp.MustCompile(`\b[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}`), "<time>"},
	{regexp.MustCompile(`\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`), "<time>"},
	{regexp.MustCompile(`(?m) \d+[smh](\d+[smh])?$`), " <age>"},
	{regexp.MustCompile(`\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b`), "<uid>"},
	{regexp.MustCompile(`resourceVersion: "\d+"`), `resourceVersion: "<n>"`},
}

// plain writes stdout or stderr of the last command to stdout.txt or stderr.txt.
func plain(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: plain stdout|stderr")
	}
	text := ts.ReadFile(args[0])
	for _, c := range changing {
		text = c.pattern.ReplaceAllString(text, c.plain)
	}
	// The namespaces' names have 13 characters: tables keep their widths.
	text = strings.NewReplacer(ts.Getenv("NS"), "the-namespace", ts.Getenv("WORK"), "WORK").Replace(text)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".txt"), bytes.TrimLeft([]byte(text), "\n"), 0o644))
}
