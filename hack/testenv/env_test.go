package testenv_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

// buildEnv returns the path of the command hack/env.
func buildEnv(t *testing.T) string {
	t.Helper()
	root, err := testenv.Root()
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(t.TempDir(), "env")
	build := exec.Command("go", "build", "-o", binary, "./hack/env")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build hack/env: %v\n%s", err, out)
	}
	return binary
}

func TestRunPassesEnvironmentAndExitCode(t *testing.T) {
	cmd := exec.Command(buildEnv(t), "run", "--control-plane=false", "--postgres=any", "--", "sh", "-c", `test -s "$DBTETHER_TESTENV" && echo "$DBTETHER_TESTENV"; exit 7`)
	cmd.Stderr = t.Output()
	out, err := cmd.Output()
	if failed := new(exec.ExitError); !errors.As(err, &failed) || failed.ExitCode() != 7 {
		t.Errorf("exit: %v, not code 7", err)
	}
	file := strings.TrimSpace(string(out))
	if file == "" {
		t.Fatal("the command saw no description of the servers")
	}
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the description is left behind: %v", err)
	}
}

// TestRunSharesServers runs tests of this package in a process of their own,
// under `env run`: they must use its servers, rather than start any.
func TestRunSharesServers(t *testing.T) {
	tests, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(buildEnv(t), "run", "--postgres=18", "--", tests, "-test.v",
		"-test.run=^(TestAdminSeesNamespaces|TestUserMayDoWhatRBACGrants|TestTLSVerifies|TestAnyVersionIsAtLeast14)$").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if passed := bytes.Count(out, []byte("--- PASS: ")); passed != 4 {
		t.Errorf("%d tests passed, not 4:\n%s", passed, out)
	}
	if bytes.Contains(out, []byte("testenv: ")) {
		t.Errorf("the tests started servers of their own:\n%s", out)
	}
}

func TestKilledRunLeavesNothing(t *testing.T) {
	run, file := startRun(t, buildEnv(t))
	described := readDescription(t, file)
	children := descendants(t, run.Process.Pid)
	for _, name := range []string{"kube-apiserver", "etcd", "postgres", "sleep"} {
		if !slices.ContainsFunc(slices.Collect(maps.Values(children)), func(command string) bool { return strings.Contains(command, name) }) {
			t.Errorf("no child is %s: %v", name, children)
		}
	}
	if err := run.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = run.Wait()
	for deadline := time.Now().Add(15 * time.Second); len(children) > 0; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("these live on: %v", children)
		}
		maps.DeleteFunc(children, func(pid int, _ string) bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) })
	}
	// The files go when the next server starts, if they are not too fresh to tell.
	left := []string{filepath.Dir(file), described.ControlPlane.Dir, filepath.Dir(described.PostgreSQL[0].LogFile)}
	for _, dir := range left {
		then := time.Now().Add(-time.Hour)
		if err := os.Chtimes(dir, then, then); err != nil {
			t.Fatal(err)
		}
	}
	testenv.OwnPostgreSQL(t, testenv.PostgreSQLOptions{})
	for _, dir := range left {
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%q was not removed: %v", dir, err)
		}
	}
}

// startRun starts `env run` with a command that lasts, waits until it is up and
// returns it with the path of its description.
func startRun(t *testing.T, env string) (run *exec.Cmd, file string) {
	t.Helper()
	run = exec.Command(env, "run", "--postgres=any", "--", "sh", "-c", `echo "$DBTETHER_TESTENV"; exec sleep 600`)
	run.Stderr = t.Output()
	stdout, err := run.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = run.Process.Kill() })
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("the command did not come up: %v", err)
	}
	return run, strings.TrimSpace(line)
}

func readDescription(t *testing.T, file string) testenv.Description {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var described testenv.Description
	if err := json.Unmarshal(text, &described); err != nil {
		t.Fatal(err)
	}
	if described.ControlPlane == nil || len(described.PostgreSQL) != 1 {
		t.Fatalf("not what was asked for: %s", text)
	}
	return described
}

// descendants maps the ids of a process's children, theirs and so on to their
// commands.
func descendants(t *testing.T, pid int) map[int]string {
	t.Helper()
	out, err := exec.Command("ps", "-A", "-o", "pid=,ppid=,args=").Output()
	if err != nil {
		t.Fatal(err)
	}
	children := map[int][]int{}
	commands := map[int]string{}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if len(fields) < 3 {
			continue
		}
		child, childErr := strconv.Atoi(fields[0])
		parent, parentErr := strconv.Atoi(fields[1])
		if childErr != nil || parentErr != nil {
			t.Fatalf("unexpected line of ps: %q", line)
		}
		children[parent] = append(children[parent], child)
		commands[child] = fields[2]
	}
	found := map[int]string{}
	for next := children[pid]; len(next) > 0; next = next[1:] {
		found[next[0]] = commands[next[0]]
		next = append(next, children[next[0]]...)
	}
	return found
}
