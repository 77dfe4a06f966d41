package testenv

import (
	"fmt"
	"io/fs"
	"os/exec"
	"strings"

	"github.com/dbtether/kubectl-dbtether/manifests"
)

// Apply applies embedded manifests, as they are, by kubectl as cluster-admin. Patterns are
// those of fs.Glob, as in "crd/*.yaml"; one that matches nothing is an error.
func (c *ControlPlane) Apply(patterns ...string) error {
	for _, pattern := range patterns {
		files, err := fs.Glob(manifests.FS, pattern)
		if err != nil || len(files) == 0 {
			return fmt.Errorf("no manifests %s: %w", pattern, err)
		}
		for _, file := range files {
			text, err := fs.ReadFile(manifests.FS, file)
			if err != nil {
				return err
			}
			cmd := exec.Command(c.Kubectl, "--kubeconfig", c.Kubeconfig, "apply", "--server-side", "-f", "-")
			cmd.Stdin = strings.NewReader(string(text))
			if out, err := cmd.CombinedOutput(); err != nil {
				return fmt.Errorf("apply manifests/%s: %w\n%s", file, err, out)
			}
		}
	}
	return nil
}
