package testenv

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"syscall"
	"time"
)

// What keeps a test from taking a server away.
var (
	errShared  = errors.New("it is shared between processes; start one of the test's own")
	errStopped = errors.New("it is stopped")
)

// mine returns an error unless this process runs the servers. The caller holds c.mu.
func (c *ControlPlane) mine() error {
	switch {
	case c.workspace == nil:
		return errShared
	case c.server == nil || c.etcd == nil:
		return errStopped
	}
	return nil
}

// HaltServer ends the API server with SIGKILL, as a node that fails does. Its etcd goes on.
// A control plane of another process is refused.
func (c *ControlPlane) HaltServer() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.mine(); err != nil {
		return fmt.Errorf("halt the API server: %w", err)
	}
	return c.server.stop(0)
}

// ResumeServer starts the API server again on the same port, and returns when it is ready.
func (c *ControlPlane) ResumeServer(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.mine(); err != nil {
		return fmt.Errorf("resume the API server: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	return c.restart(ctx)
}

func (c *ControlPlane) rerunServer(ctx context.Context, ca *authority, binary, etcdURL string) error {
	u, err := url.Parse(c.URL)
	if err != nil {
		return err
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		return err
	}
	if c.server, err = startProcess("kube-apiserver", c.serverCommand(binary, etcdURL, port), c.LogFile, syscall.SIGKILL); err != nil {
		return err
	}
	return c.waitReady(ctx, ca)
}

// StopEtcd lets etcd answer nothing, without ending it, until ContinueEtcd.
func (c *ControlPlane) StopEtcd() error { return c.signalEtcd(syscall.SIGSTOP) }

// ContinueEtcd lets etcd go on.
func (c *ControlPlane) ContinueEtcd() error { return c.signalEtcd(syscall.SIGCONT) }

func (c *ControlPlane) signalEtcd(signal syscall.Signal) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.mine(); err != nil {
		return fmt.Errorf("send etcd %s: %w", signal, err)
	}
	return c.etcd.cmd.Process.Signal(signal)
}
