package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"runtime"

	"github.com/dbtether/kubectl-dbtether/hack/compile"
)

// bill writes the bill of materials of a program, in CycloneDX 1.6, as name.cdx.json.
// cyclonedx-gomod reads it out of the program itself. Licenses are left out: it would
// look for ours at a module proxy, and find it only after the release.
func (m *making) bill(ctx context.Context, program, name string) error {
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "go", "tool", "-modfile=tools/sbom/go.mod", "cyclonedx-gomod", "bin",
		"-json", "-output-version", "1.6", "-noserial", "-notimestamp", "-std", "-version", m.version, program)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = m.root, compile.Environment(runtime.GOOS, runtime.GOARCH), &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("list what %s holds: %w\n%s", name, err, stderr.Bytes())
	}
	text, err := withoutToolHashes(stdout.Bytes())
	if err != nil {
		return fmt.Errorf("list what %s holds: %w", name, err)
	}
	return m.write(name+".cdx.json", text)
}

// withoutToolHashes returns the bill without the hashes of the program that wrote it:
// they are others on each kind of machine. It does no I/O.
func withoutToolHashes(bill []byte) ([]byte, error) {
	var document map[string]any
	if err := json.Unmarshal(bill, &document); err != nil {
		return nil, err
	}
	metadata, _ := document["metadata"].(map[string]any)
	tools, _ := metadata["tools"].([]any)
	if len(tools) != 1 {
		return nil, errors.New("the bill of materials does not name the one tool that wrote it")
	}
	delete(tools[0].(map[string]any), "hashes")
	text, err := json.MarshalIndent(document, "", "  ")
	return append(text, '\n'), err
}
