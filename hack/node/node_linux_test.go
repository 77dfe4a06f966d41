package main

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestNothingOutlivesTheNode ends a running node, by a signal that it can act on and by
// one that it cannot. `make e2e` runs it: elsewhere nobody has built what a node needs.
func TestNothingOutlivesTheNode(t *testing.T) {
	if os.Getenv("DBTETHER_NODE_TEST") == "" {
		t.Skip("make e2e runs this")
	}
	if reason := missing(); reason != "" {
		t.Skip(reason)
	}
	program := filepath.Join(t.TempDir(), "node")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		t.Run(signal.String(), func(t *testing.T) {
			node, dir := startNode(t, program)
			if len(processesOf(t, dir)) < 5 {
				t.Fatalf("these run: %q", processesOf(t, dir))
			}
			if err := node.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			_ = node.Wait()
			for deadline := time.Now().Add(20 * time.Second); len(processesOf(t, dir)) > 0; time.Sleep(50 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("these outlive it: %q", processesOf(t, dir))
				}
			}
			if signal == syscall.SIGKILL {
				// Files and groups are what a killed one leaves to the next.
				if err := errors.Join(os.RemoveAll(dir), removeGroupSoon(filepath.Base(dir))); err != nil {
					t.Error(err)
				}
			}
			for _, left := range append(groupFolders(filepath.Base(dir)), dir) {
				if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
					t.Errorf("%s is left: %v", left, err)
				}
			}
		})
	}
}

// startNode returns a running node and its workspace.
func startNode(t *testing.T, program string) (*exec.Cmd, string) {
	t.Helper()
	cmd := exec.Command(program, "run", "--", "sh", "-c", `echo "$KUBECONFIG"; exec sleep 1000`)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the node does not come up: %v", err)
	}
	return cmd, filepath.Dir(strings.TrimSpace(line))
}

// processesOf returns the command lines that name a folder.
func processesOf(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, file := range files {
		line, err := os.ReadFile(file)
		if err == nil && bytes.Contains(line, []byte(dir)) {
			found = append(found, string(bytes.ReplaceAll(line, []byte{0}, []byte{' '})))
		}
	}
	return found
}
