package plugin_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// editCanary is a value that must be nowhere once an edit is over.
const editCanary = "hunter2-canary"

// editing returns the program, a kubeconfig whose namespace has the Secret app, and the
// folder in which edits are; files elsewhere are in the other places of this test.
func editing(t *testing.T, editor string) (p program, kubeconfig, private string) {
	t.Helper()
	p, _, kubeconfig = session(t)
	kubectl(t, p, kubeconfig, "create", "secret", "generic", "app", "--from-literal=TOKEN="+editCanary)
	private = t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", private)
	t.Setenv("TMPDIR", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	t.Setenv("KUBE_EDITOR", editor)
	return p, kubeconfig, private
}

// nothingLeft fails where a file holds the editCanary in any place that an edit might use.
func nothingLeft(t *testing.T) {
	t.Helper()
	for _, place := range []string{os.Getenv("XDG_RUNTIME_DIR"), os.Getenv("TMPDIR"), os.Getenv("HOME"), "/dev/shm"} {
		_ = filepath.WalkDir(place, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return nil
			}
			if text, err := os.ReadFile(path); err == nil && strings.Contains(string(text), editCanary) {
				t.Errorf("%s holds the value", path)
			}
			return nil
		})
	}
	if left, err := filepath.Glob(filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "*")); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// script writes an editor, which gets the file as its first argument.
func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "editor.sh")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return "sh " + path
}

func value(t *testing.T, p program, kubeconfig string) string {
	t.Helper()
	return kubectl(t, p, kubeconfig, "get", "secret", "app", "-o", "go-template={{.data.TOKEN | base64decode}}")
}

// asks is an editor that asks for the value, as one would type it.
const asks = `printf 'value? '
read line
sed -i "s/^TOKEN: .*/TOKEN: $line/" "$1"
`

func TestEditOnATerminal(t *testing.T) {
	p, kubeconfig, _ := editing(t, script(t, asks))
	x := inTerminal(t, p, kubeconfig, "dbtether", "secret", "edit", "app")
	x.expect("value? ")
	x.send("typed\n")
	seen, code := x.end()
	if code != 0 || !strings.HasSuffix(seen, "secret/app changed, revision 2: ~TOKEN\n") || value(t, p, kubeconfig) != "typed" {
		t.Errorf("code %d, %s\n%s", code, value(t, p, kubeconfig), seen)
	}
	nothingLeft(t)
}

func TestEditOpensAgain(t *testing.T) {
	p, kubeconfig, _ := editing(t, script(t, "head -1 \"$1\"\n"+asks))
	x := inTerminal(t, p, kubeconfig, "dbtether", "secret", "edit", "app")
	// On a terminal as often as it takes.
	for _, wrong := range []string{"a #b", "[a", "&a b", "'a", "{"} {
		x.expect("value? ")
		x.seen.Reset()
		x.send(wrong + "\n")
		x.expect("# line 10: key TOKEN ")
	}
	x.expect("value? ")
	x.send("a\n")
	if seen, code := x.end(); code != 0 || value(t, p, kubeconfig) != "a" {
		t.Errorf("code %d, %s\n%s", code, value(t, p, kubeconfig), seen)
	}
	nothingLeft(t)
}

func TestEditWithVi(t *testing.T) {
	if _, err := exec.LookPath("vi"); err != nil {
		t.Skip("there is no vi")
	}
	p, kubeconfig, _ := editing(t, "")
	t.Setenv("EDITOR", "")
	t.Setenv("TERM", "xterm")
	x := inTerminal(t, p, kubeconfig, "dbtether", "secret", "edit", "app")
	x.expect("secret.yaml")
	x.send(":g/^TOKEN/s/canary/changed/\r:wq\r")
	seen, code := x.end()
	if code != 0 || value(t, p, kubeconfig) != "hunter2-changed" {
		t.Errorf("code %d, %s\n%s", code, value(t, p, kubeconfig), seen)
	}
	nothingLeft(t)

	// :cq ends vi with 1: what was written to the file before is not taken.
	x = inTerminal(t, p, kubeconfig, "dbtether", "secret", "edit", "app")
	x.expect("secret.yaml")
	x.send(":g/^TOKEN/s/changed/lost/\r:w\r")
	x.expect("written")
	x.send(":cq\r")
	if seen, code := x.end(); code != 1 || !strings.Contains(seen, `error: editor "vi" exited with 1: nothing was changed`) || value(t, p, kubeconfig) != "hunter2-changed" {
		t.Errorf("code %d, %s\n%s", code, value(t, p, kubeconfig), seen)
	}
	nothingLeft(t)
}

func TestInterruptInTheEditor(t *testing.T) {
	// One that takes Ctrl-C and Ctrl-\ for keys goes on, and so do we.
	p, kubeconfig, _ := editing(t, script(t, "trap 'echo caught' INT QUIT\nprintf 'ready '\n"+`while [ "$line" != last ]; do read line; done
sed -i "s/^TOKEN: .*/TOKEN: $line/" "$1"
`))
	x := inTerminal(t, p, kubeconfig, "dbtether", "secret", "edit", "app")
	x.expect("ready ")
	for _, key := range []string{"\x03", "\x1c"} {
		x.send(key)
		x.expect("caught")
		x.seen.Reset()
	}
	x.send("last\n")
	seen, code := x.end()
	if code != 0 || value(t, p, kubeconfig) != "last" {
		t.Errorf("code %d, %s\n%s", code, value(t, p, kubeconfig), seen)
	}
	nothingLeft(t)

	// One that it ends is one that failed.
	t.Setenv("KUBE_EDITOR", script(t, "echo 'TOKEN: lost' > \"$1\"\n"+asks))
	x = inTerminal(t, p, kubeconfig, "dbtether", "secret", "edit", "app")
	x.expect("value? ")
	x.send("\x03")
	seen, code = x.end()
	if code != 1 || !strings.Contains(seen, "was ended (signal: interrupt): nothing was changed\n") || value(t, p, kubeconfig) != "last" {
		t.Errorf("code %d, %s\n%s", code, value(t, p, kubeconfig), seen)
	}
	nothingLeft(t)
}

func TestSignalsEndAnEdit(t *testing.T) {
	for _, c := range []struct {
		signal syscall.Signal
		editor string
	}{
		{syscall.SIGTERM, asks},
		{syscall.SIGHUP, asks},
		{syscall.SIGTERM, "trap '' TERM HUP\n" + asks}, // it does not listen, and is killed
	} {
		p, kubeconfig, private := editing(t, script(t, c.editor))
		x := inTerminal(t, p, kubeconfig, "dbtether", "secret", "edit", "app")
		x.expect("value? ")
		if found, err := filepath.Glob(filepath.Join(private, "dbtether-edit-"+strconv.Itoa(x.cmd.Process.Pid)+"-*", "secret.yaml")); err != nil || len(found) != 1 {
			t.Fatalf("the text is not there: %v, %v", found, err)
		}
		if err := x.cmd.Process.Signal(c.signal); err != nil {
			t.Fatal(err)
		}
		seen, code := x.end()
		if code != 1 || !strings.Contains(seen, "was stopped ("+c.signal.String()+"): nothing was changed\n") {
			t.Errorf("%v: code %d\n%s", c.signal, code, seen)
		}
		if value(t, p, kubeconfig) != editCanary {
			t.Errorf("%v: it was changed", c.signal)
		}
		nothingLeft(t)
	}
}

func TestKilledEditIsCleanedUpByTheNext(t *testing.T) {
	p, kubeconfig, private := editing(t, script(t, "cp \"$1\" \"$(dirname \"$1\")/.secret.yaml.swp\"\n"+asks))
	x := inTerminal(t, p, kubeconfig, "dbtether", "secret", "edit", "app")
	x.expect("value? ")
	other := inTerminal(t, p, kubeconfig, "dbtether", "secret", "edit", "app")
	other.expect("value? ")
	if err := x.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = x.cmd.Wait()
	x.file.Close()
	left, err := filepath.Glob(filepath.Join(private, "dbtether-edit-"+strconv.Itoa(x.cmd.Process.Pid)+"-*"))
	if err != nil || len(left) != 1 {
		t.Fatalf("a killed one cannot clean up, and left %v, %v", left, err)
	}

	t.Setenv("KUBE_EDITOR", "true")
	x = inTerminal(t, p, kubeconfig, "dbtether", "secret", "edit", "app")
	if seen, code := x.end(); code != 0 || !strings.HasSuffix(seen, "Edit cancelled, no changes made.\n") {
		t.Errorf("code %d\n%s", code, seen)
	}
	if _, err := os.Stat(left[0]); !os.IsNotExist(err) {
		t.Errorf("%s is still there: %v", left[0], err)
	}
	// That of a run that is there stays, and is finished.
	other.send("finished\n")
	if seen, code := other.end(); code != 0 || value(t, p, kubeconfig) != "finished" {
		t.Errorf("code %d, %s\n%s", code, value(t, p, kubeconfig), seen)
	}
	nothingLeft(t)
}
