package testenv

import (
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

// spawner runs functions on one operating-system thread that lives as long as
// the process. The kernel sends a parent-death signal when the thread that
// forked dies (prctl(2), PR_SET_PDEATHSIG), and Go ends threads as it likes.
var spawner = sync.OnceValue(func() chan<- func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for f := range work {
			f()
		}
	}()
	return work
})

func startBound(cmd *exec.Cmd, signal syscall.Signal) (release func(), err error) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = signal
	started := make(chan error)
	spawner() <- func() { started <- cmd.Start() }
	return func() {}, <-started
}
