package testenv

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"
)

// Config returns a client configuration for cluster-admin whose requests nothing slows down.
func (c *ControlPlane) Config() (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", c.Kubeconfig)
	if err != nil {
		return nil, err
	}
	config.QPS = -1
	return config, nil
}

// KubeconfigFor writes a kubeconfig whose client certificate makes its bearer
// that user, a member of the groups (and of system:authenticated), with whatever
// RBAC grants them: nothing at first. It returns the file's path; the file goes
// when the control plane stops.
func (c *ControlPlane) KubeconfigFor(user string, groups ...string) (path string, err error) {
	ca, err := loadAuthority(c.CAFile, c.CAKeyFile)
	if err != nil {
		return "", fmt.Errorf("write kubeconfig for %q: %w", user, err)
	}
	f, err := os.CreateTemp(c.Dir, "kubeconfig-")
	if err != nil {
		return "", fmt.Errorf("write kubeconfig for %q: %w", user, err)
	}
	f.Close()
	if _, _, err := c.writeKubeconfig(f.Name(), ca, user, groups); err != nil {
		return "", fmt.Errorf("write kubeconfig for %q: %w", user, err)
	}
	return f.Name(), nil
}

// writeKubeconfig writes a file that needs no other: keys are part of it.
func (c *ControlPlane) writeKubeconfig(path string, ca *authority, user string, groups []string) (certificate, key []byte, err error) {
	certificate, key, err = ca.issueClient(user, groups)
	if err != nil {
		return nil, nil, err
	}
	caPEM, err := os.ReadFile(c.CAFile)
	if err != nil {
		return nil, nil, err
	}
	const name = "dbtether-testenv"
	text, err := yaml.Marshal(map[string]any{
		"apiVersion":      "v1",
		"kind":            "Config",
		"current-context": name,
		"clusters":        []any{named(name, "cluster", map[string]any{"server": c.URL, "certificate-authority-data": caPEM})},
		"users":           []any{named(user, "user", map[string]any{"client-certificate-data": certificate, "client-key-data": key})},
		"contexts":        []any{named(name, "context", map[string]any{"cluster": name, "user": user})},
	})
	if err != nil {
		return nil, nil, err
	}
	return certificate, key, os.WriteFile(path, text, 0o600)
}

func named(name, kind string, value map[string]any) map[string]any {
	return map[string]any{"name": name, kind: value}
}

func serverVersion(ctx context.Context, client *http.Client, url string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/version", nil)
	if err != nil {
		return "", err
	}
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	var version struct {
		GitVersion string `json:"gitVersion"`
	}
	if err := json.NewDecoder(response.Body).Decode(&version); err != nil {
		return "", fmt.Errorf("read server version: %w", err)
	}
	return version.GitVersion, nil
}
