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
}

// To compiles the program of the sources in root into the file output. It runs the
// go command; the error has what that said.
func (p Program) To(ctx context.Context, root, output string) error {
	cmd := exec.CommandContext(ctx, "go", "build",
		"-trimpath",
		// A checkout and an unpacked source archive are to give the same bytes;
		// the version says which commit it was.
		"-buildvcs=false",
		"-ldflags", "-s -w -X main.version="+p.Version,
		"-o", output,
		p.Package)
	cmd.Dir = root
	cmd.Env = p.environment(os.Environ())
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s for %s/%s: %w\n%s", p.Package, p.OS, p.Arch, err, out)
	}
	return nil
}

// environment sets what changes what the go command builds, whatever the caller's
// says: Go's own default where it has one. The version of Go itself stays the
// caller's.
func (p Program) environment(caller []string) []string {
	return append(caller,
		"CGO_ENABLED=0", "GOOS="+p.OS, "GOARCH="+p.Arch, "GOAMD64=v1", "GOARM64=v8.0",
		"GOFLAGS=-mod=readonly", "GOWORK=off", "GOEXPERIMENT=", "GOFIPS140=off")
}
