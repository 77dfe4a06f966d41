package testenv

import (
	"fmt"
	"io/fs"
	"os/exec"
	"strings"

	"github.com/dbtether/kubectl-dbtether/manifests"
)

// Apply applies embedded manifests, as they are, by kubectl as cluster-admin, and returns
// when the API server serves the resource definitions among them. Patterns are those of
// fs.Glob, as in "crd/*.yaml"; one that matches nothing is an error.
func (c *ControlPlane) Apply(patterns ...string) error {
	var definitions []string
	for _, pattern := range patterns {
		files, err := fs.Glob(manifests.FS, pattern)
		if err != nil {
			return fmt.Errorf("find manifests %q: %w", pattern, err)
		}
		if len(files) == 0 {
			return fmt.Errorf("find manifests %q: there are none", pattern)
		}
		for _, file := range files {
			text, err := fs.ReadFile(manifests.FS, file)
			if err != nil {
				return err
			}
			applied, err := c.kubectl(string(text), "apply", "--server-side", "-o", "name", "-f", "-")
			if err != nil {
				return fmt.Errorf("apply manifests/%s: %w", file, err)
			}
			for name := range strings.FieldsSeq(applied) {
				if strings.HasPrefix(name, "customresourcedefinition.") {
					definitions = append(definitions, name)
				}
			}
		}
	}
	if len(definitions) == 0 {
		return nil
	}
	_, err := c.kubectl("", append([]string{"wait", "--for=condition=Established", "--timeout=60s"}, definitions...)...)
	return err
}

// kubectl runs kubectl as cluster-admin and returns what it prints. The error has what it
// says on standard error.
func (c *ControlPlane) kubectl(stdin string, args ...string) (string, error) {
	cmd := exec.Command(c.Kubectl, append([]string{"--kubeconfig", c.Kubeconfig}, args...)...)
	cmd.Stdin = strings.NewReader(stdin)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("kubectl %s: %w\n%s", args[0], err, stderr.String())
	}
	return stdout.String(), nil
}
