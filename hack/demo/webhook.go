package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

// webhook is the running webhook binary. Outside a cluster it is called by URL and
// keeps its certificate in memory.
type webhook struct {
	cmd     *exec.Cmd
	release func()
	log     string
}

// startWebhook starts the built webhook on loopback, with exactly the rights of its
// service account, and returns when it is ready to judge.
func startWebhook(ctx context.Context, bin string, kubernetes *testenv.ControlPlane) (*webhook, error) {
	kubeconfig, err := kubernetes.KubeconfigFor("system:serviceaccount:dbtether-system:dbtether-webhook", "system:serviceaccounts")
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
	log, err := os.Create(filepath.Join(bin, "webhook.log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	w := &webhook{log: log.Name()}
	w.cmd = exec.Command(filepath.Join(bin, "webhook"), "--kubeconfig="+kubeconfig, "--listen="+listen, "--metrics-listen="+metrics,
		"--url=https://"+listen, "--cert-secret=", "--drain=0s")
	w.cmd.Stdout, w.cmd.Stderr = log, log
	if w.release, err = testenv.StartBound(w.cmd, syscall.SIGKILL); err != nil {
		return nil, err
	}
	if err := w.waitReady(ctx, "http://"+metrics+"/readyz"); err != nil {
		return nil, errors.Join(err, w.stop())
	}
	return w, nil
}

func (w *webhook) waitReady(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				// The API server reads the new certificate authority from a watch.
				time.Sleep(time.Second)
				return nil
			}
		}
		select {
		case <-ctx.Done():
			text, _ := os.ReadFile(w.log)
			return fmt.Errorf("the webhook is not ready: %w\n%s", ctx.Err(), text)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// stop ends the webhook as Kubernetes would.
func (w *webhook) stop() error {
	defer w.release()
	if err := w.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return w.cmd.Wait()
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
