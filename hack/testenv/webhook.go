package testenv

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

// Webhook is a running webhook program outside of the cluster, which the API server
// calls by URL.
type Webhook struct {
	// URL is what `kubectl dbtether install --webhook-url` is to be told.
	URL string

	cmd     *exec.Cmd
	release func()
}

// StartWebhook starts the webhook that was built as program on loopback, with exactly
// the rights of its service account; what it says goes to logFile. It does not wait:
// whoever installs does. The webhook ends at Stop, or with this process.
func (c *ControlPlane) StartWebhook(program, logFile string) (*Webhook, error) {
	kubeconfig, err := c.KubeconfigFor("system:serviceaccount:dbtether-system:dbtether-webhook", "system:serviceaccounts")
	if err != nil {
		return nil, err
	}
	listen, err := freeAddress()
	if err != nil {
		return nil, err
	}
	metrics, err := freeAddress()
	if err != nil {
		return nil, err
	}
	log, err := os.Create(logFile)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	w := &Webhook{URL: "https://" + listen}
	w.cmd = exec.Command(program, "--kubeconfig="+kubeconfig, "--listen="+listen, "--metrics-listen="+metrics,
		"--url="+w.URL, "--drain=0s")
	w.cmd.Stdout, w.cmd.Stderr = log, log
	if w.release, err = StartBound(w.cmd, syscall.SIGKILL); err != nil {
		return nil, fmt.Errorf("start the webhook: %w", err)
	}
	return w, nil
}

// Stop ends the webhook as Kubernetes would.
func (w *Webhook) Stop() error {
	defer w.release()
	if err := w.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop the webhook: %w", err)
	}
	if err := w.cmd.Wait(); err != nil {
		return fmt.Errorf("stop the webhook: %w", err)
	}
	return nil
}

func freeAddress() (string, error) {
	port, err := freePort()
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), err
}
