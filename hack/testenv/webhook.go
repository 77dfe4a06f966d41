package testenv

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Webhook is a running webhook program. Outside a cluster it is called by URL; its
// certificate is where it is by default, in a Secret.
type Webhook struct {
	URL     string // https://127.0.0.1:PORT, as `kubectl dbtether install --webhook-url` takes it
	Metrics string // 127.0.0.1:PORT, where its /metrics is
	LogFile string

	server  *ControlPlane
	binary  string
	cmd     *exec.Cmd
	release func()
}

// StartWebhook starts a built webhook on loopback, with exactly the rights of its service
// account. It does not wait until that is ready: whoever installs does. The webhook ends at
// Stop, or with this process.
func (c *ControlPlane) StartWebhook(binary string) (*Webhook, error) {
	listen, listenErr := FreeAddress()
	metrics, metricsErr := FreeAddress()
	if err := errors.Join(listenErr, metricsErr); err != nil {
		return nil, err
	}
	_, port, _ := strings.Cut(listen, ":")
	w := &Webhook{URL: "https://" + listen, Metrics: metrics, LogFile: filepath.Join(c.Dir, "webhook-"+port+".log"), server: c, binary: binary}
	return w, w.Start()
}

// Start starts the webhook again after Stop, at the same address.
func (w *Webhook) Start() error {
	kubeconfig, err := w.server.KubeconfigFor("system:serviceaccount:dbtether-system:dbtether-webhook", "system:serviceaccounts")
	if err != nil {
		return err
	}
	log, err := os.OpenFile(w.LogFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(w.binary, "--kubeconfig="+kubeconfig, "--listen="+strings.TrimPrefix(w.URL, "https://"), "--metrics-listen="+w.Metrics,
		"--url="+w.URL, "--drain=0s")
	cmd.Stdout, cmd.Stderr = log, log
	release, err := StartBound(cmd, syscall.SIGKILL)
	if err != nil {
		return fmt.Errorf("start the webhook: %w", err)
	}
	w.cmd, w.release = cmd, release
	return nil
}

// Stop ends the webhook as Kubernetes would. The error is not nil where it did not end
// well. A second call does nothing.
func (w *Webhook) Stop() error {
	if w.cmd == nil {
		return nil
	}
	defer w.release()
	cmd := w.cmd
	w.cmd = nil
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	// The log of one that hangs then says where.
	overdue := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Signal(syscall.SIGQUIT) })
	defer overdue.Stop()
	return cmd.Wait()
}
