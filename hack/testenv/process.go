package testenv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// StartBound starts cmd so that it ends with this process, however this process
// ends: the kernel, or a watchdog where the kernel has no such service, then
// sends it the signal. The caller waits with cmd.Wait and calls release after.
func StartBound(cmd *exec.Cmd, signal syscall.Signal) (release func(), err error) {
	return startBound(cmd, signal)
}

// EndWithParent calls end when the process that started this one is gone: `go run` and
// `go test -exec` pass no signal on, so that one of them which is killed would leave us
// behind.
func EndWithParent(end func()) {
	parent := os.Getppid()
	go func() {
		for os.Getppid() == parent {
			time.Sleep(500 * time.Millisecond)
		}
		end()
	}()
}

// process is a running server whose output goes to a file.
type process struct {
	name    string
	cmd     *exec.Cmd
	logFile string
	exited  chan struct{} // closed once cmd is reaped
}

// startProcess starts a server in a process group of its own, so that a Ctrl-C
// in the terminal reaches only us, who stop things in order. death is the signal
// it gets when this process dies. logFile is appended to.
func startProcess(name string, cmd *exec.Cmd, logFile string, death syscall.Signal) (*process, error) {
	log, err := os.OpenFile(logFile, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	release, err := startBound(cmd, death)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	p := &process{name: name, cmd: cmd, logFile: logFile, exited: make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		release()
		close(p.exited)
	}()
	return p, nil
}

// stop sends the signals in turn, each with a grace period, then SIGKILL, and
// returns once the process is gone. A process that is gone already is no error.
func (p *process) stop(grace time.Duration, signals ...syscall.Signal) error {
	for _, signal := range signals {
		if err := p.cmd.Process.Signal(signal); errors.Is(err, os.ErrProcessDone) {
			break
		} else if err != nil {
			return fmt.Errorf("stop %s: %w", p.name, err)
		}
		if p.goneWithin(grace) {
			return nil
		}
	}
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill %s: %w", p.name, err)
	}
	if !p.goneWithin(10 * time.Second) {
		return fmt.Errorf("kill %s: process %d does not go away", p.name, p.cmd.Process.Pid)
	}
	return nil
}

func (p *process) goneWithin(d time.Duration) bool {
	select {
	case <-p.exited:
		return true
	case <-time.After(d):
		return false
	}
}

// waitReady calls ready until it returns nil, the process exits or ctx ends; the
// latter two are errors that quote the last lines of the log.
func (p *process) waitReady(ctx context.Context, ready func(context.Context) error) error {
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.exited:
			return fmt.Errorf("start %s: %s; its log ends:\n%s", p.name, p.cmd.ProcessState, p.logTail())
		case <-ctx.Done():
			return fmt.Errorf("start %s: %w (%w); its log ends:\n%s", p.name, ctx.Err(), err, p.logTail())
		case <-time.After(25 * time.Millisecond):
		}
	}
}

// portWasTaken reports whether the process ended because another one had bound
// its port in the meantime.
func (p *process) portWasTaken() bool {
	return !p.running() && strings.Contains(strings.ToLower(p.logTail()), "address already in use")
}

func (p *process) running() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

func (p *process) logTail() string {
	text, err := os.ReadFile(p.logFile)
	if err != nil {
		return err.Error()
	}
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-15):], []byte("\n")))
}

// runCommand runs a command that ends by itself, such as a build, and returns
// its standard output. It ends with ctx, its whole process group with it. The
// error quotes standard error.
func runCommand(ctx context.Context, cmd *exec.Cmd) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	// Grandchildren that keep the pipes open must not keep us.
	cmd.WaitDelay = 5 * time.Second
	name := strings.Join(cmd.Args[:min(2, len(cmd.Args))], " ")
	release, err := startBound(cmd, syscall.SIGKILL)
	if err != nil {
		return "", fmt.Errorf("run %q: %w", name, err)
	}
	stopKilling := context.AfterFunc(ctx, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	err = cmd.Wait()
	stopKilling()
	release()
	if ctx.Err() != nil {
		return "", fmt.Errorf("run %q: %w", name, ctx.Err())
	}
	if err != nil {
		return "", fmt.Errorf("run %q: %w\n%s", name, err, strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}
