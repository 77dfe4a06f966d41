// Command previous builds what an installation of the version before this one is made of,
// from the sources that git has of it and with the tools that stand there: its images,
// with the tag "previous", and its plugin.
//
//	go run ./hack/previous --out bin/e2e
//
// It writes previous-webhook.tar and previous-plugin.tar, and a folder previous with the
// plugin and with the commit that it is of. What is there of the same commit is kept. Where
// git does not have that commit, the folder holds only the file missing, which says why:
// whoever wants to upgrade from there can tell it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/dbtether/kubectl-dbtether/hack/history"
	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "previous:", err)
		os.Exit(1)
	}
}

// target is where the outcome goes.
type target struct {
	out      string // folder of the images
	registry string // what their names begin with
}

func (t target) folder() string { return filepath.Join(t.out, "previous") }

func (t target) plugin() string { return filepath.Join(t.folder(), "kubectl-dbtether") }

func (t target) image(name string) string { return filepath.Join(t.out, "previous-"+name+".tar") }

// images are those of an installation.
var images = []string{"webhook", "plugin"}

func run(ctx context.Context, args []string) error {
	var t target
	flags := flag.NewFlagSet("previous", flag.ContinueOnError)
	flags.StringVar(&t.out, "out", "", "`folder` to write to")
	flags.StringVar(&t.registry, "registry", "registry.test", "what stands before the images' names")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 || t.out == "" {
		return errors.New("usage: previous --out FOLDER [--registry HOST]")
	}
	var err error
	if t.out, err = filepath.Abs(t.out); err != nil {
		return err
	}
	root, err := testenv.Root()
	if err != nil {
		return err
	}
	_, commit, err := history.Previous(ctx, root)
	if errors.Is(err, history.ErrMissing) {
		return t.missing(err)
	}
	if err != nil || t.has(commit) {
		return err
	}
	return t.build(ctx, root, commit)
}

// missing leaves nothing but the reason.
func (t target) missing(reason error) error {
	fmt.Fprintln(os.Stderr, "previous:", reason)
	return errors.Join(t.clear(), os.WriteFile(filepath.Join(t.folder(), "missing"), []byte(reason.Error()+"\n"), 0o644))
}

// clear removes what another run has left, and makes the folders.
func (t target) clear() error {
	errs := []error{os.RemoveAll(t.folder()), os.MkdirAll(t.folder(), 0o755)}
	for _, name := range images {
		if err := os.Remove(t.image(name)); !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// has reports whether everything of a commit is there: its name is written last.
func (t target) has(commit string) bool {
	text, err := os.ReadFile(filepath.Join(t.folder(), "commit"))
	return err == nil && strings.TrimSpace(string(text)) == commit
}

func (t target) build(ctx context.Context, root, commit string) (err error) {
	fmt.Fprintln(os.Stderr, "building what was before, of", commit)
	if err := t.clear(); err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "dbtether-previous-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	sources, built := filepath.Join(work, "sources"), filepath.Join(work, "images")
	if err := history.Unpack(ctx, root, commit, sources); err != nil {
		return err
	}
	for _, args := range [][]string{
		{"run", "./hack/image", "--version", "previous", "--registry", t.registry, "--platforms", "linux/" + runtime.GOARCH, "--images", strings.Join(images, ","), "--out", built},
		{"build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -X main.version=previous", "-o", t.plugin(), "./cmd/kubectl-dbtether"},
	} {
		cmd := exec.CommandContext(ctx, "go", args...)
		cmd.Dir = sources
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("go %s in the sources of %s: %w\n%s", strings.Join(args, " "), commit, err, out)
		}
	}
	for _, name := range images {
		archive, err := os.ReadFile(filepath.Join(built, name+".tar"))
		if err == nil {
			err = os.WriteFile(t.image(name), archive, 0o644)
		}
		if err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(t.folder(), "commit"), []byte(commit+"\n"), 0o644)
}
