// Package compile builds this project's programs for releases and images: equal
// sources and an equal Go version give equal bytes, whatever the folder, the time
// and the caller's environment.
package compile

import (
	"context"
	"fmt"
	"os"
	"os/exec"
)

// Program is what to build, and for what.
type Program struct {
	Package  string // such as ./cmd/webhook
	OS, Arch string // as Go calls them
	Version  string
	// Images is what stands before the names of the images that the program installs;
	// empty: what Defaults of pkg/install says by itself.
	Images string
}

// To compiles the program of the sources in root into the file output. It runs the
// go command; the error has what that said.
func (p Program) To(ctx context.Context, root, output string) error {
	cmd := exec.CommandContext(ctx, "go", "build",
		"-trimpath",
		// A checkout and an unpacked source archive are to give the same bytes;
		// the version says which commit it was.
		"-buildvcs=false",
		"-ldflags", p.linkerFlags(),
		"-o", output,
		p.Package)
	cmd.Dir = root
	cmd.Env = Environment(p.OS, p.Arch)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s for %s/%s: %w\n%s", p.Package, p.OS, p.Arch, err, out)
	}
	return nil
}

func (p Program) linkerFlags() string {
	flags := "-s -w -X main.version=" + p.Version
	if p.Images != "" {
		flags += " -X github.com/dbtether/kubectl-dbtether/pkg/install.images=" + p.Images
	}
	return flags
}

// Environment returns this process' environment with what changes what the go command
// builds: Go's own default where it has one. The version of Go itself stays the caller's.
func Environment(system, arch string) []string {
	return append(os.Environ(),
		"CGO_ENABLED=0", "GOOS="+system, "GOARCH="+arch, "GOAMD64=v1", "GOARM64=v8.0",
		"GOFLAGS=-mod=readonly", "GOWORK=off", "GOEXPERIMENT=", "GOFIPS140=off")
}
