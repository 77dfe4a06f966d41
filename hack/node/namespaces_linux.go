package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

// namespaces are what the node has of its own.
const namespaces = syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWPID

// withNode runs the command inside new namespaces. Their first process dies with us,
// and everything in them with it; what is left then are files and control groups,
// which go here, or with the next node.
func withNode(ctx context.Context, s settings) (code int, err error) {
	dir, remove, err := testenv.Workspace("node")
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	s.Dir = dir
	if s.Logs == "" {
		s.Logs = filepath.Join(dir, "logs")
	}
	if err := os.MkdirAll(s.Logs, 0o755); err != nil {
		return 1, err
	}
	removeFolders, err := makeFolders()
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, removeFolders()) }()
	removeAbandonedGroups(filepath.Dir(dir))
	if err := makeGroup(s.group()); err != nil {
		return 1, fmt.Errorf("make control group: %w", err)
	}
	defer func() { err = errors.Join(err, removeGroupSoon(s.group())) }()
	text, err := json.Marshal(s)
	if err != nil {
		return 1, err
	}
	cmd := exec.Command("/proc/self/exe", asInit, string(text))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces}
	release, err := testenv.StartBound(cmd, syscall.SIGKILL)
	if err != nil {
		return 1, fmt.Errorf("make namespaces: %w", err)
	}
	stopKilling := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })
	err = cmd.Wait()
	stopKilling()
	release()
	if ctx.Err() != nil {
		return 130, errors.New("interrupted")
	}
	return exitCode(err)
}

// group returns the name of the node's control group: that of its workspace.
func (s settings) group() string { return filepath.Base(s.Dir) }

// removeGroupSoon waits for the kernel, which lets go of a dead process's group a
// moment later.
func removeGroupSoon(name string) error {
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if err := removeGroup(name); err == nil || time.Now().After(deadline) {
			return err
		}
	}
}

// fixedFolders are those that containerd, the network plugins and kubelet use whatever
// their configuration says. The node has them empty and in memory.
var fixedFolders = []string{"/run", "/var/log", "/var/lib/cni", "/var/lib/kubelet"}

// makeFolders makes those of fixedFolders that are missing, as there must be something
// to mount over. remove removes these again.
func makeFolders() (remove func() error, err error) {
	var made []string
	for _, folder := range fixedFolders {
		if _, err := os.Stat(folder); err == nil {
			continue
		}
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return nil, err
		}
		made = append(made, folder)
	}
	return func() error {
		var errs []error
		for _, folder := range made {
			if err := os.Remove(folder); err != nil && !os.IsNotExist(err) {
				errs = append(errs, err)
			}
		}
		return errors.Join(errs...)
	}, nil
}

// inside is what the processes in the namespaces do. It returns an exit code.
func inside(role, text string) int {
	var s settings
	err := json.Unmarshal([]byte(text), &s)
	code := 1
	switch {
	case err != nil:
	case role == asInit:
		code, err = s.beInit(text)
	default:
		code, err = s.beCluster()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "node:", err)
		code = max(code, 1)
	}
	return code
}

// beInit prepares the namespaces, starts the cluster in them and waits for everything
// that is left without a parent, as the first process of a namespace must.
func (s settings) beInit(text string) (int, error) {
	if err := errors.Join(mountAll(), setUpNetwork()); err != nil {
		return 1, err
	}
	cmd := exec.Command("/proc/self/exe", asCluster, text)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		return 1, err
	}
	for {
		var status syscall.WaitStatus
		ended, err := syscall.Wait4(-1, &status, 0, nil)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil {
			return 1, err
		}
		if ended == cmd.Process.Pid {
			return status.ExitStatus(), nil
		}
	}
}

// mountAll gives the namespaces a /proc of their own and empty fixedFolders, out of
// the host's sight. Then mounts are shared again, among what runs here: kubelet and
// runc pass them on to containers.
func mountAll() error {
	if err := syscall.Mount("", "/", "", syscall.MS_PRIVATE|syscall.MS_REC, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := syscall.Mount("proc", "/proc", "proc", syscall.MS_NOSUID|syscall.MS_NODEV|syscall.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	for _, folder := range fixedFolders {
		if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, "mode=755"); err != nil {
			return fmt.Errorf("mount %s: %w", folder, err)
		}
	}
	if err := syscall.Mount("", "/", "", syscall.MS_SHARED|syscall.MS_REC, ""); err != nil {
		return fmt.Errorf("share mounts: %w", err)
	}
	return nil
}

// Addresses inside the node's network.
const (
	// nodeAddress is on lo, but not 127.0.0.1: Kubernetes takes no endpoint there.
	nodeAddress = "10.99.0.1"
	podRange    = "10.98.0.0/24"
	// serviceRange has the API server's own Service as its first address, which is on
	// lo too: so pods reach it without kube-proxy.
	serviceRange  = "10.97.0.0/24"
	serverService = "10.97.0.1"
)

func setUpNetwork() error {
	for _, args := range [][]string{
		{"link", "set", "lo", "up"},
		{"address", "add", nodeAddress + "/32", "dev", "lo"},
		{"address", "add", serverService + "/32", "dev", "lo"},
		// There is no way out. That there is a route is enough for kubelet.
		{"route", "add", "default", "dev", "lo"},
	} {
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			return fmt.Errorf("ip %v: %w: %s", args, err, out)
		}
	}
	return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0)
}
