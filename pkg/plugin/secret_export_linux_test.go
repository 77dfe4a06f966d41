package plugin_test

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestExportDoesNotShowValues(t *testing.T) {
	p, kubeconfig, _, _ := running(t)
	x := inTerminal(t, p, kubeconfig, "dbtether", "secret", "export", "app")
	seen, code := x.end()
	if want := "error: the values would be shown on the terminal\nhint:  write them to a file with -f FILE, pipe them, or add --show-secrets\n"; seen != want || code != 2 {
		t.Errorf("code %d, got\n%s\nwant\n%s", code, seen, want)
	}
	x = inTerminal(t, p, kubeconfig, "dbtether", "secret", "export", "app", "--show-secrets")
	if seen, code := x.end(); !strings.HasPrefix(seen, "KEY="+canary+"\n") || code != 0 {
		t.Errorf("code %d, got\n%s", code, seen)
	}
	file := filepath.Join(t.TempDir(), "app.env")
	x = inTerminal(t, p, kubeconfig, "dbtether", "secret", "export", "app", "-f", file)
	if seen, code := x.end(); strings.Contains(seen, canary) || code != 0 {
		t.Errorf("code %d, got\n%s", code, seen)
	}
}

// TestExportInterrupted ends an export as soon as there is anything in its folder. A signal
// that can be caught leaves the whole file, or nothing; one that cannot leaves at most a file
// that nobody else can read, and never one that is not whole under the name that was asked
// for.
func TestExportInterrupted(t *testing.T) {
	p, kubeconfig, _, _ := running(t)
	value := bytes.Repeat([]byte("x"), 1<<20)
	long := filepath.Join(t.TempDir(), "long")
	if err := os.WriteFile(long, value, 0o600); err != nil {
		t.Fatal(err)
	}
	kubectl(t, p, kubeconfig, "create", "secret", "generic", "long", "--from-file=KEY="+long)
	unfinished := 0
	for _, how := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGKILL} {
		for range 5 {
			folder := t.TempDir()
			// Without a umask it is the program alone that keeps the file private.
			cmd := exec.Command("sh", "-c", `umask 0; exec "$@"`, "sh", filepath.Join(p.bin, "kubectl-dbtether"), "secret", "export", "long", "-f", filepath.Join(folder, "app.env"))
			cmd.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				_ = cmd.Wait() // what it leaves is looked at, not how it ends
			}()
			for first(t, folder, ended) == nil {
			}
			_ = cmd.Process.Signal(how)
			<-ended
			for _, entry := range entries(t, folder) {
				unfinished += checkExported(t, folder, entry, how, len("KEY=\n")+len(value))
			}
		}
	}
	t.Logf("%d files were left unfinished by a signal that cannot be caught", unfinished)
}

// first returns the first file of a folder; nil: there is none yet. It fails where the
// command ends without one.
func first(t *testing.T, folder string, ended chan struct{}) fs.DirEntry {
	t.Helper()
	select {
	case <-ended:
		if found := entries(t, folder); len(found) > 0 {
			return found[0]
		}
		t.Fatal("it wrote nothing")
	default:
	}
	if found := entries(t, folder); len(found) > 0 {
		return found[0]
	}
	return nil
}

func entries(t *testing.T, folder string) []fs.DirEntry {
	t.Helper()
	found, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// checkExported returns 1 for a file that is not the one that was asked for.
func checkExported(t *testing.T, folder string, entry fs.DirEntry, how os.Signal, size int) int {
	t.Helper()
	info, err := os.Stat(filepath.Join(folder, entry.Name()))
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode(); mode != 0o600 {
		t.Errorf("%v: %s has the mode %v", how, entry.Name(), mode)
	}
	if entry.Name() == "app.env" {
		if info.Size() != int64(size) {
			t.Errorf("%v: the file has %d bytes, not %d", how, info.Size(), size)
		}
		return 0
	}
	if how != syscall.SIGKILL {
		t.Errorf("%v left %s", how, entry.Name())
	}
	return 1
}
