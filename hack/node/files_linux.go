package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const nodeName = "node"

func (s settings) file(names ...string) string {
	return filepath.Join(append([]string{s.Dir}, names...)...)
}

func (s settings) kubeconfig(name string) string { return s.file(name + ".kubeconfig") }

// identities are who talks to the API server, by the name of their kubeconfig: user
// and groups, as a token file has them.
var identities = []struct{ name, user, groups string }{
	{"admin", "admin", "system:masters"},
	{"kube-controller-manager", "system:kube-controller-manager", ""},
	{"kube-scheduler", "system:kube-scheduler", ""},
	{"kubelet", "system:node:" + nodeName, "system:nodes"},
}

// writeFiles writes what the components read.
func (s settings) writeFiles() error {
	for _, folder := range []string{"pki", "kubelet", "logs-of-pods", "network"} {
		if err := os.MkdirAll(s.file(folder), 0o755); err != nil {
			return err
		}
	}
	return errors.Join(
		s.writeIdentities(),
		writeKey(s.file("service-account.key")),
		os.WriteFile(s.file("containerd.toml"), []byte(s.containerd()), 0o600),
		os.WriteFile(s.file("kubelet.yaml"), []byte(s.kubelet()), 0o600),
		os.WriteFile(s.file("network", "10-bridge.conflist"), []byte(s.network()), 0o600))
}

func (s settings) writeIdentities() error {
	var tokens strings.Builder
	for _, who := range identities {
		token := rand.Text()
		fmt.Fprintf(&tokens, "%s,%s,%s,%q\n", token, who.user, who.name, who.groups)
		text := fmt.Sprintf(`apiVersion: v1
kind: Config
clusters: [{name: node, cluster: {server: "https://%s:443", certificate-authority: %s}}]
users: [{name: node, user: {token: %s}}]
contexts: [{name: node, context: {cluster: node, user: node}}]
current-context: node
`, nodeAddress, s.file("pki", "apiserver.crt"), token)
		if err := os.WriteFile(s.kubeconfig(who.name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return os.WriteFile(s.file("tokens.csv"), []byte(tokens.String()), 0o600)
}

// writeKey writes a key in the form of which kube-apiserver also reads the public half.
func writeKey(file string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), 0o600)
}

func (s settings) containerd() string {
	return strings.NewReplacer("DIR", s.Dir, "RUNTIME", s.Binaries.Runtime, "SANDBOX", sandboxImage).Replace(`version = 3
root = "DIR/containerd/root"
state = "DIR/containerd/state"
[grpc]
  address = "DIR/containerd.sock"
[ttrpc]
  address = "DIR/containerd.sock.ttrpc"
[plugins.'io.containerd.internal.v1.opt']
  path = "DIR/containerd/opt"
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = "SANDBOX"
[plugins.'io.containerd.cri.v1.runtime']
  # Lowering a score takes a right that root of a container may not have.
  restrict_oom_score_adj = true
[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = ["RUNTIME"]
  conf_dir = "DIR/network"
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
  BinaryName = "RUNTIME/runc"
  SystemdCgroup = false
`)
}

func (s settings) kubelet() string {
	return strings.NewReplacer("DIR", s.Dir, "ADDRESS", nodeAddress, "GROUP", s.group(), "DOMAIN", clusterDomain).Replace(`apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: ADDRESS
healthzBindAddress: 127.0.0.1
# Nobody but us is in this network.
authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
authorization: {mode: AlwaysAllow}
containerRuntimeEndpoint: unix://DIR/containerd.sock
cgroupDriver: cgroupfs
cgroupRoot: /GROUP
failCgroupV1: false
failSwapOn: false
podLogsDir: DIR/logs-of-pods
resolvConf: /dev/null
clusterDNS: [ADDRESS]
clusterDomain: DOMAIN
evictionHard: {nodefs.available: "1%", imagefs.available: "1%", memory.available: 50Mi}
volumePluginDir: DIR/kubelet/volumeplugins
# Changed Secrets are to be seen in seconds, not in a minute.
syncFrequency: 1s
`)
}

// network has no masquerading: packets go nowhere but to the node.
func (s settings) network() string {
	return fmt.Sprintf(`{"cniVersion": "1.0.0", "name": "pods", "plugins": [{"type": "bridge", "bridge": "pods", "isGateway": true, "hairpinMode": true,
  "ipam": {"type": "host-local", "dataDir": %q, "ranges": [[{"subnet": %q}]], "routes": [{"dst": "0.0.0.0/0"}]}}]}
`, s.file("network-addresses"), podRange)
}
