package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
)

// build compiles the plugin of the sources in root into the file output. It runs
// the go command.
func build(ctx context.Context, root string, p platform, version, output string) error {
	cmd := exec.CommandContext(ctx, "go", "build",
		"-trimpath",
		// A checkout and an unpacked source archive are to give the same bytes;
		// the version says which commit it was.
		"-buildvcs=false",
		"-ldflags", "-s -w -X main.version="+version,
		"-o", output,
		"./cmd/kubectl-dbtether")
	cmd.Dir = root
	cmd.Env = buildEnvironment(os.Environ(), p)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build for %s: %w\n%s", p, err, out)
	}
	return nil
}

// buildEnvironment sets what changes what the go command builds, whatever the
// caller's environment says: Go's own default where it has one. The version of
// Go itself stays the caller's.
func buildEnvironment(environment []string, p platform) []string {
	return append(environment,
		"CGO_ENABLED=0", "GOOS="+p.OS, "GOARCH="+p.Arch, "GOAMD64=v1", "GOARM64=v8.0",
		"GOFLAGS=-mod=readonly", "GOWORK=off", "GOEXPERIMENT=", "GOFIPS140=off")
}
