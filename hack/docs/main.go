// Command docs writes the pages of docs/reference from what they are about:
//
//	go run ./hack/docs --out docs/reference
//
// Its tests do what all pages say: see TestPages.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/dbtether/kubectl-dbtether/hack/docs/reference"
	"github.com/dbtether/kubectl-dbtether/manifests"
	"github.com/dbtether/kubectl-dbtether/pkg/plugin"
)

func main() {
	out := flag.String("out", filepath.Join("docs", "reference"), "folder to write to")
	flag.Parse()
	if err := run(context.Background(), *out); err != nil {
		fmt.Fprintln(os.Stderr, "docs:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out string) error {
	pages, err := references(ctx)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	for name, text := range pages {
		if err := os.WriteFile(filepath.Join(out, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// references returns the pages by the names of their files.
func references(ctx context.Context) (map[string]string, error) {
	rows, err := plugin.Codes(ctx)
	if err != nil {
		return nil, err
	}
	codes, err := reference.Codes(rows, manifests.FS)
	if err != nil {
		return nil, err
	}
	resources, err := reference.Resources(manifests.FS)
	if err != nil {
		return nil, err
	}
	commands := reference.Commands(plugin.New(plugin.NewEnvironment(genericiooptions.NewTestIOStreamsDiscard(), "")))
	return map[string]string{"codes.md": codes, "resources.md": resources, "commands.md": commands}, nil
}
