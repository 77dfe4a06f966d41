package testenv

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// ControlPlaneOptions say how to start a control plane. The zero value is
// usable.
type ControlPlaneOptions struct {
	// Kubernetes chooses the version; the zero value is Newest.
	Kubernetes Kubernetes
	// Log is told what happens while that takes time. May be nil.
	Log func(format string, a ...any)
	// WebhookClient, if not empty, is the common name of a client certificate, signed by
	// the server's own authority, that the API server shows to every webhook.
	WebhookClient string
}

// ControlPlane is a running Kubernetes API server with its etcd, on loopback,
// without controllers and nodes: what is created stays as it is, nothing is
// garbage collected, a deleted namespace stays terminating, and the aggregated
// roles (view, edit, admin) are empty. RBAC is on; the ServiceAccount admission
// plugin is off, as nobody makes the accounts that it asks for. Its fields do
// not change.
type ControlPlane struct {
	Kubeconfig string `json:"kubeconfig"` // file with cluster-admin's access
	Kubectl    string `json:"kubectl"`    // the kubectl to use: that of PATH, else, and for Oldest always, the one beside the API server
	Version    string `json:"version"`    // as in "v1.37.1"
	URL        string `json:"url"`        // https://127.0.0.1:PORT
	CAFile     string `json:"caFile"`     // what signed the server's certificate, and signs users'
	CAKeyFile  string `json:"caKeyFile"`
	LogFile    string `json:"logFile"` // the API server's
	Dir        string `json:"dir"`     // temporary folder that lives as long as the server

	admission string     // file with the AdmissionConfiguration, if there is one
	workspace *workspace // nil when another process runs the servers
	restart   func(context.Context) error
	mu        sync.Mutex // guards etcd and server
	etcd      *process
	server    *process
}

// StartControlPlane starts etcd and kube-apiserver in a temporary folder and
// returns when the API server is ready. It may first download the binaries with
// setup-envtest, or build them with the go command, which takes minutes and
// happens once. The servers end at Stop, or with this process.
func StartControlPlane(ctx context.Context, options ControlPlaneOptions) (*ControlPlane, error) {
	log := logFunc(options.Log).orSilent()
	binaries, err := findControlPlane(ctx, options.Kubernetes, log)
	if err != nil {
		return nil, err
	}
	started := time.Now()
	w, err := newWorkspace("kubernetes")
	if err != nil {
		return nil, err
	}
	c := &ControlPlane{
		Kubectl:    binaries.kubectl,
		Kubeconfig: w.file("kubeconfig"),
		CAFile:     w.file("ca.crt"),
		CAKeyFile:  w.file("ca.key"),
		LogFile:    w.file("kube-apiserver.log"),
		Dir:        w.path,
		workspace:  w,
	}
	if err := c.create(ctx, binaries, options.WebhookClient); err != nil {
		return nil, errors.Join(fmt.Errorf("start control plane: %w", err), c.Stop())
	}
	log("Kubernetes %s is ready on %s after %s", c.Version, c.URL, elapsed(started))
	return c, nil
}

// Stop ends the servers and removes their files, kubeconfigs included. A second
// call does nothing, and so does a call for servers of another process.
func (c *ControlPlane) Stop() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.workspace == nil {
		return nil
	}
	// Nothing here is kept: neither needs to finish its work.
	var serverErr, etcdErr error
	if c.server != nil {
		serverErr = c.server.stop(time.Second, syscall.SIGTERM)
	}
	if c.etcd != nil {
		etcdErr = c.etcd.stop(time.Second, syscall.SIGTERM)
	}
	c.server, c.etcd = nil, nil
	return errors.Join(serverErr, etcdErr, c.workspace.remove())
}

func (c *ControlPlane) create(ctx context.Context, binaries controlPlaneBinaries, webhookClient string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	ca, err := newAuthority("dbtether test Kubernetes CA")
	if err != nil {
		return err
	}
	if err := errors.Join(ca.write(c.CAFile, c.CAKeyFile), c.writeServerKeys(ca), c.writeAdmission(ca, webhookClient)); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	etcdURL, err := c.runEtcd(ctx, binaries.etcd)
	if err != nil {
		return err
	}
	c.restart = func(ctx context.Context) error { return c.rerunServer(ctx, ca, binaries.apiServer, etcdURL) }
	return c.runServer(ctx, ca, binaries.apiServer, etcdURL)
}

// writeServerKeys writes the serving certificate and the key that signs service
// account tokens.
func (c *ControlPlane) writeServerKeys(ca *authority) error {
	certificate, key, err := ca.issueServer("kube-apiserver")
	if err != nil {
		return err
	}
	tokens, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	tokenKey, err := encodeKey(tokens)
	return errors.Join(err,
		os.WriteFile(c.workspace.file("server.crt"), certificate, 0o600),
		os.WriteFile(c.workspace.file("server.key"), key, 0o600),
		os.WriteFile(c.workspace.file("service-account.key"), tokenKey, 0o600))
}

// writeAdmission writes which client certificate webhooks are shown, if one is wanted.
func (c *ControlPlane) writeAdmission(ca *authority, client string) error {
	if client == "" {
		return nil
	}
	certificate, key, err := ca.issueClient(client, nil)
	if err != nil {
		return err
	}
	c.admission = c.workspace.file("admission.yaml")
	var plugins string
	for _, plugin := range []string{"MutatingAdmissionWebhook", "ValidatingAdmissionWebhook"} {
		plugins += fmt.Sprintf("- {name: %s, configuration: {apiVersion: apiserver.config.k8s.io/v1, kind: WebhookAdmissionConfiguration, kubeConfigFile: %q}}\n",
			plugin, c.workspace.file("webhooks.kubeconfig"))
	}
	return errors.Join(
		os.WriteFile(c.workspace.file("webhook-client.crt"), certificate, 0o600),
		os.WriteFile(c.workspace.file("webhook-client.key"), key, 0o600),
		os.WriteFile(c.workspace.file("webhooks.kubeconfig"), fmt.Appendf(nil, "apiVersion: v1\nkind: Config\nusers:\n- {name: '*', user: {client-certificate: %q, client-key: %q}}\n",
			c.workspace.file("webhook-client.crt"), c.workspace.file("webhook-client.key")), 0o600),
		os.WriteFile(c.admission, []byte("apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\nplugins:\n"+plugins), 0o600))
}

func (c *ControlPlane) runEtcd(ctx context.Context, binary string) (url string, err error) {
	for attempt := 1; ; attempt++ {
		port, err := freePort()
		if err != nil {
			return "", err
		}
		url = "http://127.0.0.1:" + strconv.Itoa(port)
		cmd := exec.Command(binary,
			"--data-dir="+c.workspace.file("etcd"),
			"--listen-client-urls="+url, "--advertise-client-urls="+url,
			"--listen-peer-urls=http://127.0.0.1:0",
			"--unsafe-no-fsync", "--log-level=warn")
		if c.etcd, err = startProcess("etcd", cmd, c.workspace.file("etcd.log"), syscall.SIGKILL); err != nil {
			return "", err
		}
		client := &http.Client{Timeout: 5 * time.Second}
		defer client.CloseIdleConnections()
		err = c.etcd.waitReady(ctx, func(ctx context.Context) error { return get(ctx, client, url+"/health") })
		if err == nil || attempt == 3 || !c.etcd.portWasTaken() {
			return url, err
		}
	}
}

func (c *ControlPlane) runServer(ctx context.Context, ca *authority, binary, etcdURL string) error {
	for attempt := 1; ; attempt++ {
		port, err := freePort()
		if err != nil {
			return err
		}
		c.URL = "https://127.0.0.1:" + strconv.Itoa(port)
		if c.server, err = startProcess("kube-apiserver", c.serverCommand(binary, etcdURL, port), c.LogFile, syscall.SIGKILL); err != nil {
			return err
		}
		if err = c.waitReady(ctx, ca); err == nil || attempt == 3 || !c.server.portWasTaken() {
			return err
		}
	}
}

func (c *ControlPlane) serverCommand(binary, etcdURL string, port int) *exec.Cmd {
	args := []string{
		"--etcd-servers=" + etcdURL,
		"--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--secure-port=" + strconv.Itoa(port),
		"--endpoint-reconciler-type=none",
		"--cert-dir=" + c.workspace.path,
		"--tls-cert-file=" + c.workspace.file("server.crt"), "--tls-private-key-file=" + c.workspace.file("server.key"),
		"--client-ca-file=" + c.CAFile,
		"--authorization-mode=RBAC",
		"--disable-admission-plugins=ServiceAccount",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + c.workspace.file("service-account.key"),
		"--service-account-signing-key-file=" + c.workspace.file("service-account.key"),
		"--service-cluster-ip-range=10.0.0.0/24",
		"--allow-privileged=true",
	}
	if c.admission != "" {
		args = append(args, "--admission-control-config-file="+c.admission)
	}
	return exec.Command(binary, args...)
}

// waitReady returns when the server is ready and has made its first namespaces,
// which it does a moment later. It writes the admin's kubeconfig.
func (c *ControlPlane) waitReady(ctx context.Context, ca *authority) error {
	certificate, key, err := c.writeKubeconfig(c.Kubeconfig, ca, "admin", []string{"system:masters"})
	if err != nil {
		return err
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca.certificate)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}}}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 10 * time.Second}
	return c.server.waitReady(ctx, func(ctx context.Context) error {
		if err := get(ctx, client, c.URL+"/readyz"); err != nil {
			return err
		}
		if err := get(ctx, client, c.URL+"/api/v1/namespaces/default"); err != nil {
			return err
		}
		c.Version, err = serverVersion(ctx, client, c.URL)
		return err
	})
}

// get fails unless the answer is 200.
func get(ctx context.Context, client *http.Client, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("get %q: %s", url, response.Status)
	}
	return nil
}
