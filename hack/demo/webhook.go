package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

// webhook is the running webhook binary. Outside a cluster it is called by URL and
// keeps its certificate in memory.
type webhook struct {
	cmd     *exec.Cmd
	release func()
	url     string
}

// startWebhook starts the built webhook on loopback, with exactly the rights of its
// service account. It does not wait: whoever installs does.
func startWebhook(bin string, kubernetes *testenv.ControlPlane) (*webhook, error) {
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
	w := &webhook{url: "https://" + listen}
	w.cmd = exec.Command(filepath.Join(bin, "webhook"), "--kubeconfig="+kubeconfig, "--listen="+listen, "--metrics-listen="+metrics,
		"--url="+w.url, "--cert-secret=", "--drain=0s")
	w.cmd.Stdout, w.cmd.Stderr = log, log
	w.release, err = testenv.StartBound(w.cmd, syscall.SIGKILL)
	return w, err
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
