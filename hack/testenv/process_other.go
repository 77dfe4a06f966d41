//go:build unix && !linux

package testenv

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

// watchdog waits on a pipe whose other end this process holds. A line means that
// the watched process has ended. The end of the pipe means that this process
// has: then the watched one gets the signal, with its group if it leads one.
const watchdog = `read -r line || kill "-$1" -- "-$2" 2>/dev/null || kill "-$1" "$2"`

func startBound(cmd *exec.Cmd, signal syscall.Signal) (release func(), err error) {
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	release, err = watch(cmd.Process.Pid, signal)
	if err != nil {
		cmd.Process.Kill()
		cmd.Wait()
		return nil, fmt.Errorf("watch process %d: %w", cmd.Process.Pid, err)
	}
	return release, nil
}

func watch(pid int, signal syscall.Signal) (release func(), err error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	guard := exec.Command("/bin/sh", "-c", watchdog, "watchdog", strconv.Itoa(int(signal)), strconv.Itoa(pid))
	guard.Stdin = r
	// Out of the terminal's foreground group, or a Ctrl-C would end it.
	guard.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := guard.Start(); err != nil {
		w.Close()
		return nil, err
	}
	return func() {
		w.WriteString("ended\n")
		w.Close()
		guard.Wait()
	}, nil
}
