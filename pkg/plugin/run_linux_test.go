package plugin_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/creack/pty"
)

const canary = "canary-that-no-file-holds"

// running returns the program, and a namespace with a Secret whose key KEY is canary. What
// is written to a home or a temporary folder is written to the folders that it returns.
func running(t *testing.T) (p program, kubeconfig, home, temporary string) {
	t.Helper()
	p, _, kubeconfig = session(t)
	kubectl(t, p, kubeconfig, "create", "secret", "generic", "app", "--from-literal=KEY="+canary)
	home, temporary = t.TempDir(), t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("TMPDIR", temporary)
	return p, kubeconfig, home, temporary
}

// TestRunTakesThePlace looks at the command that runs in our place: it has our process,
// the terminal, every signal as a program has it that a shell starts, and nothing of ours
// but the variables, which stand nowhere else.
func TestRunTakesThePlace(t *testing.T) {
	p, kubeconfig, home, temporary := running(t)
	plain := exec.Command("cat")
	file, err := pty.Start(plain)
	if err != nil {
		t.Fatal(err)
	}
	alone := &terminal{t: t, cmd: plain, file: file}
	x := inTerminal(t, p, kubeconfig, "dbtether", "run", "app", "--", "cat")
	for _, terminal := range []*terminal{alone, x} { // typed, and shown by cat
		terminal.send("hello\n")
		terminal.expect("hello\r\nhello\r\n")
	}
	pid := x.cmd.Process.Pid
	if got := proc(t, pid, "cmdline"); got != "cat\x00" {
		t.Errorf("it is called %q", got)
	}
	if environment := proc(t, pid, "environ"); !strings.Contains("\x00"+environment, "\x00KEY="+canary+"\x00") {
		t.Error("it has not the variable")
	}
	signals := regexp.MustCompile(`(?m)^Sig(Blk|Ign|Cgt):.*$`)
	got, want := signals.FindAllString(proc(t, pid, "status"), -1), signals.FindAllString(proc(t, plain.Process.Pid, "status"), -1)
	if fmt.Sprint(got) != fmt.Sprint(want) || len(got) != 3 {
		t.Errorf("its signals are %q, not %q", got, want)
	}
	if got, want := descriptors(t, pid), descriptors(t, plain.Process.Pid); got != want {
		t.Errorf("open are %s, not %s", got, want)
	}
	var parent, group, session, tty, foreground int
	_, rest, _ := strings.Cut(proc(t, pid, "stat"), ") ")
	if _, err := fmt.Sscanf(rest[2:], "%d %d %d %d %d", &parent, &group, &session, &tty, &foreground); err != nil || group != pid || foreground != pid {
		t.Errorf("its group is %d, that of the terminal %d, its process %d, %v", group, foreground, pid, err)
	}
	for _, dir := range []string{home, temporary} {
		checkNothingWritten(t, dir)
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("temporary files: %v, %v", left, err)
	}
	alone.send("\x04")
	x.send("\x04") // the end of what is typed
	if seen, code := x.end(); code != 0 || strings.Contains(seen, canary) {
		t.Errorf("code %d, got\n%s", code, seen)
	}
}

func proc(t *testing.T, pid int, file string) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// descriptors returns which a process has open: what a shell of the tests' own left open
// for whatever it starts is among them.
func descriptors(t *testing.T, pid int) string {
	t.Helper()
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, descriptor := range open {
		names = append(names, descriptor.Name())
	}
	return strings.Join(names, " ")
}

func checkNothingWritten(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		if bytes.Contains(text, []byte(canary)) || bytes.Contains(text, []byte(base64.StdEncoding.EncodeToString([]byte(canary)))) {
			t.Errorf("%s holds the value", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestRunInterrupt types ^C: it is the command's, which ends by it, or as it likes.
func TestRunInterrupt(t *testing.T) {
	p, kubeconfig, _, _ := running(t)
	x := inTerminal(t, p, kubeconfig, "dbtether", "run", "app", "--", "cat")
	x.send("hello\n")
	x.expect("hello\r\nhello\r\n")
	x.send("\x03")
	x.end()
	if status := x.cmd.ProcessState.Sys().(syscall.WaitStatus); status.Signal() != syscall.SIGINT {
		t.Errorf("it ended with %v", x.cmd.ProcessState)
	}
	x = inTerminal(t, p, kubeconfig, "dbtether", "run", "app", "--", "sh", "-c", `trap 'echo caught; exit 7' INT; cat`)
	x.send("hello\n")
	x.expect("hello\r\nhello\r\n")
	x.send("\x03")
	if seen, code := x.end(); code != 7 || !strings.HasSuffix(seen, "caught\n") {
		t.Errorf("code %d, got\n%s", code, seen)
	}
}

// TestRunEnds checks that what ends the command is what is seen: its exit code, or a
// signal. A signal that was ignored before stays so, as nohup wants it.
func TestRunEnds(t *testing.T) {
	p, kubeconfig, _, _ := running(t)
	run := func(command ...string) (*os.ProcessState, string) {
		cmd := exec.Command(command[0], command[1:]...)
		cmd.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig, "PATH="+p.path())
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return cmd.ProcessState, string(out)
	}
	ours := []string{filepath.Join(p.bin, "kubectl"), "dbtether", "run", "app", "--", "sh", "-c"}
	if state, out := run(append(ours, "exit 250")...); state.ExitCode() != 250 || out != "" {
		t.Errorf("it ended with %v, %s", state, out)
	}
	if state, out := run(append(ours, "kill -TERM $$")...); state.Sys().(syscall.WaitStatus).Signal() != syscall.SIGTERM || out != "" {
		t.Errorf("it ended with %v, %s", state, out)
	}
	for _, ignored := range []string{"INT", "HUP"} {
		state, out := run("sh", "-c", "trap '' "+ignored+"; exec kubectl dbtether run app -- sh -c 'kill -"+ignored+" $$; echo goes on'")
		if state.ExitCode() != 0 || out != "goes on\n" {
			t.Errorf("%s: it ended with %v, %s", ignored, state, out)
		}
	}
}
