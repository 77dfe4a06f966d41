// Command krewcheck shows that a release is reproducible and that krew takes it.
// It makes one from the sources twice, in different folders and environments,
// and compares every byte of every file; it compares the checksums with the files, and the
// bills of materials with the programs. Then it serves the release on loopback, lets krew's
// own validator and krew itself install it, and uses the plugin through kubectl.
//
//	go run ./hack/krewcheck            # this platform and one other
//	go run ./hack/krewcheck --all      # all platforms
//
// krew is the version that tools/krew pins. kubectl is the one on PATH, else the
// one that the tests use.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/dbtether/kubectl-dbtether/hack/changelog"
	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "krewcheck:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout io.Writer) (err error) {
	flags := flag.NewFlagSet("krewcheck", flag.ContinueOnError)
	version := flags.String("version", "", "version to give the release, one that CHANGELOG.md knows (default: the newest)")
	all := flags.Bool("all", false, "all platforms, instead of this one and one other")
	cold := flags.Bool("cold", false, "compile everything anew the second time, instead of using Go's build cache")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	work, err := os.MkdirTemp("", "dbtether-krewcheck-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	started := time.Now()
	log := func(format string, a ...any) {
		fmt.Fprintf(stdout, "%6.1fs  %s\n", time.Since(started).Seconds(), fmt.Sprintf(format, a...))
	}
	root, err := testenv.Root()
	if err != nil {
		return err
	}
	if *version == "" {
		sections, err := changelog.Read(root)
		if err != nil {
			return err
		}
		if *version, err = sections.Newest(); err != nil {
			return err
		}
	}
	server, err := listen()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.stop()) }()
	c := &check{work: work, root: root, version: *version, baseURI: server.uri, cold: *cold, log: log}
	if !*all {
		c.platforms = somePlatforms(runtime.GOOS, runtime.GOARCH)
	}
	return c.run(ctx, server)
}

// somePlatforms returns the host's platform, one whose archive has the other format, and
// one that there are images for.
func somePlatforms(system, arch string) []string {
	switch system {
	case "linux":
		return []string{"linux/" + arch, "windows/amd64"}
	case "windows":
		return []string{"windows/" + arch, "linux/amd64"}
	}
	return []string{system + "/" + arch, "windows/amd64", "linux/" + arch}
}

// check is one run.
type check struct {
	work      string // temporary folder
	root      string // of the repository
	version   string
	baseURI   string
	platforms []string // empty: all
	cold      bool
	log       func(format string, a ...any)
}

func (c *check) run(ctx context.Context, server *server) error {
	krew, err := c.prepareKrew(ctx)
	if err != nil {
		return err
	}
	dist, err := c.reproduce(ctx)
	if err != nil {
		return err
	}
	license, err := os.ReadFile(filepath.Join(c.root, "LICENSE"))
	if err != nil {
		return err
	}
	if err := inspectArchives(dist, license); err != nil {
		return err
	}
	c.log("each archive holds the plugin and LICENSE, as regular files, and nothing else")
	if err := inspectChecksums(dist); err != nil {
		return err
	}
	c.log("checksums.txt holds the hash of every other file")
	programs, err := inspectBills(ctx, dist)
	if err != nil {
		return err
	}
	c.log("the bill of materials of each of %d programs lists what go version -m finds in it, no more and no less", programs)
	server.serve(dist)
	manifest := filepath.Join(dist, "dbtether.yaml")
	said, err := krew.validate(ctx, manifest)
	if err != nil {
		return err
	}
	c.log("validate-krew-manifest accepts the manifest\n%s", indent(said))
	archive, err := hostArchive(dist, c.version)
	if err != nil {
		return err
	}
	home := filepath.Join(c.work, "krew-root")
	said, err = krew.install(ctx, home, manifest, archive)
	if err != nil {
		return err
	}
	c.log("kubectl krew install\n%s", indent(said))
	if err := krew.use(ctx, home, c.version, c.log); err != nil {
		return err
	}
	return krew.compareInstallation(ctx, home, filepath.Join(dist, "install.yaml"), c.log)
}

// prepareKrew builds krew and finds a kubectl.
func (c *check) prepareKrew(ctx context.Context) (krew, error) {
	kubectl, err := findKubectl(ctx, c.log)
	if err != nil {
		return krew{}, err
	}
	c.log("building krew as tools/krew pins it")
	return newKrew(ctx, c.root, filepath.Join(c.work, "bin"), kubectl)
}

func indent(text string) string {
	return "         " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n         ")
}
