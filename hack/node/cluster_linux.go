package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// beCluster brings everything up, runs the command and returns its exit code. What it
// started ends with the namespaces.
func (s settings) beCluster() (int, error) {
	if err := s.writeFiles(); err != nil {
		return 1, err
	}
	for _, step := range []func() error{s.startServer, s.serveNames, s.startControllers, s.startContainerd, s.loadImages, s.startKubelet} {
		if err := step(); err != nil {
			return 1, err
		}
	}
	s.log("the node is ready")
	cmd := exec.Command(s.Command[0], s.Command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), "KUBECONFIG="+s.kubeconfig("admin"), addressVariable+"="+nodeAddress,
		// Where the machine has no kubectl, one was built.
		"PATH="+os.Getenv("PATH")+":"+filepath.Dir(s.Binaries.Kubectl))
	return exitCode(cmd.Run())
}

func (s settings) startServer() error {
	etcd, err := s.start(s.Binaries.Server, "etcd",
		"--data-dir="+s.file("etcd"),
		"--listen-client-urls=http://127.0.0.1:2379", "--advertise-client-urls=http://127.0.0.1:2379",
		"--listen-peer-urls=http://127.0.0.1:0",
		"--unsafe-no-fsync", "--log-level=warn")
	if err != nil {
		return err
	}
	server, err := s.start(s.Binaries.Server, "kube-apiserver",
		"--etcd-servers=http://127.0.0.1:2379",
		// Port 443 is that of its own Service, whose address is ours.
		"--bind-address=0.0.0.0", "--advertise-address="+nodeAddress, "--secure-port=443",
		"--cert-dir="+s.file("pki"),
		"--service-cluster-ip-range="+serviceRange,
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file="+s.file("service-account.key"), "--service-account-signing-key-file="+s.file("service-account.key"),
		"--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction",
		"--token-auth-file="+s.file("tokens.csv"),
		"--allow-privileged=true",
		// Services have no address that is reached: webhooks are called by those of
		// their pods.
		"--enable-aggregator-routing=true",
		"--kubelet-preferred-address-types=InternalIP")
	if err != nil {
		return err
	}
	return s.await("the API server is ready", []*component{etcd, server}, s.kubectl("get", "--raw", "/readyz"))
}

func (s settings) startControllers() error {
	_, err := s.start(s.Binaries.Kubernetes, "kube-controller-manager",
		"--kubeconfig="+s.kubeconfig("kube-controller-manager"),
		"--service-account-private-key-file="+s.file("service-account.key"), "--root-ca-file="+s.file("pki", "apiserver.crt"),
		"--use-service-account-credentials", "--leader-elect=false", "--bind-address=127.0.0.1")
	if err != nil {
		return err
	}
	_, err = s.start(s.Binaries.Kubernetes, "kube-scheduler",
		"--kubeconfig="+s.kubeconfig("kube-scheduler"), "--leader-elect=false", "--bind-address=127.0.0.1")
	return err
}

func (s settings) startContainerd() error {
	containerd, err := s.start(s.Binaries.Runtime, "containerd", "--config", s.file("containerd.toml"))
	if err != nil {
		return err
	}
	return s.await("containerd is ready", []*component{containerd}, s.ctr("version"))
}

// loadImages loads the archives as a node that has pulled them would have them.
func (s settings) loadImages() error {
	archives, err := filepath.Glob(filepath.Join(s.Images, "*.tar"))
	if err != nil || s.Images == "" {
		return err
	}
	for _, archive := range archives {
		if out, err := s.ctr("--namespace", "k8s.io", "images", "import", "--local", archive)().CombinedOutput(); err != nil {
			return fmt.Errorf("load image %q: %w\n%s", archive, err, out)
		}
	}
	s.log("%d images are loaded", len(archives))
	return nil
}

func (s settings) startKubelet() error {
	kubelet, err := s.start(s.Binaries.Kubernetes, "kubelet",
		"--config="+s.file("kubelet.yaml"), "--kubeconfig="+s.kubeconfig("kubelet"),
		"--root-dir="+s.file("kubelet"), "--cert-dir="+s.file("kubelet", "pki"),
		"--hostname-override="+nodeName, "--node-ip="+nodeAddress)
	if err != nil {
		return err
	}
	if err := s.await("the kubelet is ready", []*component{kubelet}, s.kubectl("wait", "--for=condition=Ready", "node/"+nodeName, "--timeout=1s")); err != nil {
		return err
	}
	return s.await("namespaces have service accounts", nil, s.kubectl("get", "serviceaccount", "default"))
}

// component is a running program.
type component struct {
	name   string
	log    string
	exited chan struct{}
}

// start starts a program of a folder, with its output in a log of its name.
func (s settings) start(folder, name string, args ...string) (*component, error) {
	c := &component{name: name, log: filepath.Join(s.Logs, name+".log"), exited: make(chan struct{})}
	log, err := os.Create(c.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(filepath.Join(folder, name), args...)
	cmd.Stdout, cmd.Stderr, cmd.Env = log, log, s.environment()
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		_ = cmd.Wait()
		close(c.exited)
	}()
	return c, nil
}

// environment is that of the components: containerd finds its shim on the PATH, and
// what the caller has set for Go's programs is not for these.
func (s settings) environment() []string {
	return []string{"PATH=" + s.Binaries.Runtime + ":" + os.Getenv("PATH"), "HOME=" + s.Dir}
}

// await repeats a check until it succeeds, and logs what that means. It fails when one
// of the components ends, or after two minutes, with the end of what they logged.
func (s settings) await(what string, components []*component, check func() *exec.Cmd) error {
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		out, err := check().CombinedOutput()
		if err == nil {
			s.log("%s", what)
			return nil
		}
		for _, c := range components {
			select {
			case <-c.exited:
				return fmt.Errorf("%s has ended; its log ends:\n%s", c.name, tail(c.log))
			default:
			}
		}
		if time.Now().After(deadline) {
			err = fmt.Errorf("not after two minutes: %s: %s", what, out)
			for _, c := range components {
				err = fmt.Errorf("%w\nthe log of %s ends:\n%s", err, c.name, tail(c.log))
			}
			return err
		}
	}
}

func (s settings) kubectl(args ...string) func() *exec.Cmd {
	return func() *exec.Cmd {
		return exec.Command(s.Binaries.Kubectl, append([]string{"--kubeconfig", s.kubeconfig("admin")}, args...)...)
	}
}

func (s settings) ctr(args ...string) func() *exec.Cmd {
	return func() *exec.Cmd {
		return exec.Command(filepath.Join(s.Binaries.Runtime, "ctr"), append([]string{"--address", s.file("containerd.sock")}, args...)...)
	}
}
