package plugin

import (
	"bytes"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/dbtether/kubectl-dbtether/manifests"
)

func newCRDsCommand(env *Environment) *cobra.Command {
	return &cobra.Command{
		Use:   "crds",
		Short: "Print the resource definitions that this version needs",
		Example: `  # Install or upgrade them
  kubectl dbtether crds | kubectl apply --server-side -f -`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			stream, err := yamlStream(manifests.FS, "crd/*.yaml")
			if err != nil {
				return err
			}
			_, err = env.Out.Write(stream)
			return err
		},
	}
}

// yamlStream returns the files that match as the documents of one YAML stream.
func yamlStream(files fs.FS, pattern string) ([]byte, error) {
	names, err := fs.Glob(files, pattern)
	if err != nil {
		return nil, err
	}
	var stream bytes.Buffer
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("read the embedded %s: %w", name, err)
		}
		if !bytes.HasPrefix(text, []byte("---")) {
			stream.WriteString("---\n")
		}
		stream.Write(text)
	}
	return stream.Bytes(), nil
}
