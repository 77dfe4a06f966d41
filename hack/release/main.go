// Command release makes the files of a release, all in one folder: the plugin for each
// platform in an archive of its own and its manifest for krew, the images, the Helm
// chart, the objects of an installation, a bill of materials for each program, and
// checksums.txt over all of that.
//
//	go run ./hack/release --version v0.1.0 --out dist
//	go run ./hack/release --version v0.1.0 --notes     # what CHANGELOG.md says of it
//
// Equal sources, an equal registry and an equal Go version give equal bytes, on whatever
// machine, in whatever folder and at whatever time it runs. --out must not exist or be
// empty; it appears whole, or not at all. A version that CHANGELOG.md says nothing of is
// refused.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/dbtether/kubectl-dbtether/hack/changelog"
	"github.com/dbtether/kubectl-dbtether/hack/testenv"
	"github.com/dbtether/kubectl-dbtether/pkg/install"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// run prints checksums.txt, or the notes, to stdout, and progress to stderr.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	wanted, err := parseOptions(args, stderr)
	if err != nil {
		return err
	}
	root, err := testenv.Root()
	if err != nil {
		return err
	}
	if wanted.notes {
		return notes(root, wanted.version, stdout)
	}
	return publish(ctx, root, wanted, stdout, stderr)
}

// notes prints what the changelog says of a version that is about to be released. It
// refuses while the changelog holds something else that the release would have, too.
func notes(root, version string, stdout io.Writer) error {
	all, err := changelog.Read(root)
	if err != nil {
		return err
	}
	section, err := all.Of(version)
	if err != nil {
		return err
	}
	if all.Unreleased() != "" {
		return fmt.Errorf("%s: what is unreleased would be released with %s: move it into that section", changelog.File, version)
	}
	_, err = fmt.Fprintln(stdout, section.Text)
	return err
}

// options are what a release is made from, besides the sources.
type options struct {
	version   string
	out       string
	baseURI   string
	registry  string
	platforms []platform
	parts     []string
	notes     bool
}

// The parts that a release is made of.
const (
	partPlugin    = "plugin"
	partImages    = "images"
	partChart     = "chart"
	partManifests = "manifests"
	allParts      = partPlugin + "," + partImages + "," + partChart + "," + partManifests
)

// imagePrefix returns what stands before /webhook and /plugin in the names of images.
func (o options) imagePrefix() string {
	return strings.TrimPrefix(o.registry+"/dbtether", "/")
}

func parseOptions(args []string, stderr io.Writer) (options, error) {
	var wanted options
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&wanted.version, "version", "", "version of the release, such as v0.1.0")
	flags.StringVar(&wanted.out, "out", "dist", "folder to make")
	flags.StringVar(&wanted.baseURI, "base-uri", "", "where the archives will be found: the manifest names `URI`/ARCHIVE (default: this version's release page)")
	flags.StringVar(&wanted.registry, "registry", "", "`HOST[:PORT][/PATH]` that the images will be pushed to: it stands before their names (default: none)")
	flags.BoolVar(&wanted.notes, "notes", false, "print what is new in the version, for those who use it, and make nothing")
	platforms := flags.String("platforms", allPlatforms, "comma-separated `OS/ARCH`; images are made for those of Linux")
	parts := flags.String("parts", allParts, "comma-separated `names` of what to make")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	if flags.NArg() > 0 {
		return options{}, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if err := checkVersion(wanted.version); err != nil {
		return options{}, err
	}
	if wanted.baseURI == "" {
		wanted.baseURI = releasePage + wanted.version
	}
	if err := checkBaseURI(wanted.baseURI); err != nil {
		return options{}, err
	}
	parameters := install.Defaults(wanted.version)
	parameters.ImagePrefix = wanted.imagePrefix()
	if err := parameters.Check(); err != nil {
		return options{}, fmt.Errorf("--registry %q: %w", wanted.registry, err)
	}
	var err error
	if wanted.platforms, err = parsePlatforms(*platforms); err != nil {
		return options{}, err
	}
	for part := range strings.SplitSeq(*parts, ",") {
		if !slices.Contains(strings.Split(allParts, ","), part) {
			return options{}, fmt.Errorf("--parts %q: not one of %s", part, allParts)
		}
		wanted.parts = append(wanted.parts, part)
	}
	return wanted, nil
}
