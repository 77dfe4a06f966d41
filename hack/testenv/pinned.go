package testenv

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// pinnedModule is a module of its own that pins programs of others, and the folder
// that keeps what is built from it.
type pinnedModule struct {
	dir   string
	cache string
}

// readPinned returns the module in a folder of the repository, with the folder of all caches as its
// cache, and the versions that it pins of other modules. It runs the go command.
func readPinned(ctx context.Context, folder string, modules ...string) (pinnedModule, []string, error) {
	root, err := Root()
	if err != nil {
		return pinnedModule{}, nil, err
	}
	p := pinnedModule{dir: filepath.Join(root, filepath.FromSlash(folder))}
	if p.cache, err = CacheDir(); err != nil {
		return p, nil, err
	}
	out, err := runCommand(ctx, p.goCommand(false, append([]string{"list", "-m", "-f", "{{.Version}}"}, modules...)...))
	if err != nil {
		return p, nil, fmt.Errorf("read the versions that %s pins: %w", folder, err)
	}
	versions := strings.Fields(out)
	if len(versions) != len(modules) {
		return p, nil, fmt.Errorf("read the versions that %s pins: unexpected %q", folder, out)
	}
	return p, versions, nil
}

// goCommand runs in the module, for this machine, whatever the environment says
// about other builds.
func (p pinnedModule) goCommand(cgo bool, args ...string) *exec.Cmd {
	enabled := "0"
	if cgo {
		enabled = "1"
	}
	cmd := exec.Command("go", args...)
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), "PWD="+p.dir, "GOWORK=off", "GOFLAGS=-mod=readonly", "CGO_ENABLED="+enabled,
		"GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH)
	return cmd
}

// buildTarget is a program to build.
type buildTarget struct {
	name, version, pkg string
	flags              string // the linker's
	tags               string
	cgo                bool
}

// build compiles what the cache does not have yet. Each binary appears whole.
func (p pinnedModule) build(ctx context.Context, targets []buildTarget, log logFunc) error {
	release, err := lockFile(ctx, p.cache+".lock", func() { log("waiting for another process that builds %s", filepath.Base(p.cache)) })
	if err != nil {
		return err
	}
	defer release()
	if err := os.MkdirAll(p.cache, 0o755); err != nil {
		return err
	}
	temporary, err := temporaryBeside(p.cache)
	if err != nil {
		return err
	}
	defer os.RemoveAll(temporary)
	for _, target := range targets {
		final := filepath.Join(p.cache, target.name)
		if isExecutable(final) {
			continue
		}
		built := filepath.Join(temporary, target.name)
		if err := p.compile(ctx, target, built, log); err != nil {
			return err
		}
		if err := os.Rename(built, final); err != nil {
			return err
		}
	}
	return nil
}

func (p pinnedModule) compile(ctx context.Context, target buildTarget, output string, log logFunc) error {
	started := time.Now()
	log("building %s %s (once, cached; minutes when nothing is cached)", target.name, target.version)
	finished := make(chan struct{})
	defer close(finished)
	go func() {
		tick := time.NewTicker(10 * time.Second)
		defer tick.Stop()
		for {
			select {
			case <-finished:
				return
			case <-tick.C:
				log("building %s %s (once, cached; %.0f s so far)", target.name, target.version, time.Since(started).Seconds())
			}
		}
	}()
	_, err := runCommand(ctx, p.goCommand(target.cgo, "build", "-trimpath", "-tags", target.tags, "-ldflags", target.flags, "-o", output, target.pkg))
	if err != nil {
		return fmt.Errorf("build %s: %w", target.name, err)
	}
	log("built %s %s in %s", target.name, target.version, elapsed(started))
	return nil
}
