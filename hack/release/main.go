// Command release makes the files of a release: the plugin for each platform in
// an archive of its own, checksums.txt, and the manifest for krew in krew/.
//
//	go run ./hack/release --version v0.1.0 --out dist
//
// Equal sources and an equal Go version give equal bytes, on whatever machine,
// in whatever folder and at whatever time it runs. --out must not exist or be
// empty; it appears whole, or not at all.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
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

// run prints one line for each archive to stdout, progress to stderr.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	wanted, err := parseOptions(args, stderr)
	if err != nil {
		return err
	}
	root, err := testenv.Root()
	if err != nil {
		return err
	}
	return publish(ctx, root, wanted, stdout, stderr)
}

// options are what a release is made from, besides the sources.
type options struct {
	version   string
	out       string
	baseURI   string
	platforms []platform
}

func parseOptions(args []string, stderr io.Writer) (options, error) {
	var wanted options
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&wanted.version, "version", "", "version of the release, such as v0.1.0")
	flags.StringVar(&wanted.out, "out", "dist", "folder to make")
	flags.StringVar(&wanted.baseURI, "base-uri", "", "where the archives will be found: the manifest names `URI`/ARCHIVE (default: this version's release page)")
	platforms := flags.String("platforms", allPlatforms, "comma-separated `OS/ARCH`")
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
	var err error
	wanted.platforms, err = parsePlatforms(*platforms)
	return wanted, err
}
