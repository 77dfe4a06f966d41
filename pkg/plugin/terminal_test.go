package plugin_test

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
)

// terminal is a command that runs in a terminal of its own.
type terminal struct {
	t    *testing.T
	cmd  *exec.Cmd
	file *os.File
	seen strings.Builder
}

// inTerminal runs kubectl with arguments in a terminal.
func inTerminal(t *testing.T, p program, kubeconfig string, args ...string) *terminal {
	t.Helper()
	cmd := exec.Command(filepath.Join(p.bin, "kubectl"), args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig, "PATH="+p.path())
	file, err := pty.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		file.Close()
	})
	return &terminal{t: t, cmd: cmd, file: file}
}

// expect reads until text has been shown.
func (x *terminal) expect(text string) {
	x.t.Helper()
	deadline := time.AfterFunc(30*time.Second, func() { _ = x.cmd.Process.Kill() })
	defer deadline.Stop()
	buffer := make([]byte, 1024)
	for !strings.Contains(x.seen.String(), text) {
		n, err := x.file.Read(buffer)
		x.seen.Write(buffer[:n])
		if err != nil {
			x.t.Fatalf("%q was not shown, but:\n%s", text, x.seen.String())
		}
	}
}

// send types.
func (x *terminal) send(keys string) {
	x.t.Helper()
	if _, err := io.WriteString(x.file, keys); err != nil {
		x.t.Fatal(err)
	}
}

// end waits for the command and returns all that was shown and its exit code.
func (x *terminal) end() (seen string, code int) {
	x.t.Helper()
	deadline := time.AfterFunc(30*time.Second, func() { _ = x.cmd.Process.Kill() })
	defer deadline.Stop()
	// Linux reports the end of a terminal as an error of the device.
	rest, _ := io.ReadAll(x.file)
	x.seen.Write(rest)
	err := x.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		x.t.Fatal(err)
	}
	return strings.ReplaceAll(x.seen.String(), "\r\n", "\n"), x.cmd.ProcessState.ExitCode()
}

// session returns the program, and a namespace with its kubeconfig.
func session(t *testing.T) (p program, namespace, kubeconfig string) {
	t.Helper()
	p = installed(t)
	namespace, err := p.namespace(suffix())
	if err != nil {
		t.Fatal(err)
	}
	kubeconfig = filepath.Join(t.TempDir(), "kubeconfig")
	if err := p.kubeconfig(p.server.Kubeconfig, kubeconfig, namespace); err != nil {
		t.Fatal(err)
	}
	return p, namespace, kubeconfig
}

func kubectl(t *testing.T, p program, kubeconfig string, args ...string) string {
	t.Helper()
	cmd := exec.Command(filepath.Join(p.bin, "kubectl"), args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig, "PATH="+p.path())
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func TestRemoveAsksForTheName(t *testing.T) {
	p, name, kubeconfig := session(t)
	kubectl(t, p, kubeconfig, "dbtether", "cluster", "add", name, "--check=false", "--endpoint", "db.example.com", "--credentials-from-env", "U,P")
	prompt := "Remove DBCluster \"" + name + "\" (db.example.com)?\nType " + name + " to confirm: "

	x := inTerminal(t, p, kubeconfig, "dbtether", "cluster", "remove", name)
	x.expect("to confirm: ")
	x.send("no\n")
	seen, code := x.end()
	if want := prompt + "no\nerror: \"no\" is not \"" + name + "\": nothing was done\nhint:  type the name exactly, or add --yes\n"; seen != want || code != 1 {
		t.Errorf("code %d, got\n%s\nwant\n%s", code, seen, want)
	}
	kubectl(t, p, kubeconfig, "get", "dbcluster", name)

	x = inTerminal(t, p, kubeconfig, "dbtether", "cluster", "remove", name)
	x.expect("to confirm: ")
	x.send(name + "\n")
	seen, code = x.end()
	if want := prompt + name + "\ndbcluster.dbtether.io/" + name + " removed\n"; seen != want || code != 0 {
		t.Errorf("code %d, got\n%s\nwant\n%s", code, seen, want)
	}
	if left := kubectl(t, p, kubeconfig, "get", "dbcluster", name, "--ignore-not-found"); left != "" {
		t.Errorf("still there: %s", left)
	}
}

func TestInterruptAtThePrompt(t *testing.T) {
	p, name, kubeconfig := session(t)
	kubectl(t, p, kubeconfig, "dbtether", "cluster", "add", name, "--check=false", "--endpoint", "db.example.com", "--credentials-from-env", "U,P")
	x := inTerminal(t, p, kubeconfig, "dbtether", "cluster", "remove", name)
	x.expect("to confirm: ")
	x.send("\x03")
	seen, code := x.end()
	if !strings.HasSuffix(seen, "\nerror: interrupted\n") || code != 1 {
		t.Errorf("code %d, got\n%s", code, seen)
	}
	kubectl(t, p, kubeconfig, "get", "dbcluster", name)
}

func TestPasswordIsAskedForAndNotShown(t *testing.T) {
	p, name, kubeconfig := session(t)
	x := inTerminal(t, p, kubeconfig, "dbtether", "cluster", "add", name, "--check=false", "--endpoint", "db.example.com", "--admin-username", "postgres")
	x.expect("Password of postgres: ")
	x.send("s3cret\n")
	seen, code := x.end()
	if code != 0 || strings.Contains(seen, "s3cret") || !strings.HasSuffix(seen, "dbcluster.dbtether.io/"+name+" created\n") {
		t.Errorf("code %d, got\n%s", code, seen)
	}
	if got := kubectl(t, p, kubeconfig, "get", "secret", name+"-admin", "-o", "go-template={{.data.password | base64decode}}"); got != "s3cret" {
		t.Errorf("the password is %q", got)
	}
}
