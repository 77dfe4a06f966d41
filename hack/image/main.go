// Command image writes container images of this project's programs, without a
// daemon: each from scratch, with one program in it that runs as user 65532.
//
//	go run ./hack/image --version v0.1.0 --out dist/images
//
// It prints a line for each: the archive's digest, the archive, and the image's name with
// the digest by which a registry will know it.
//
// An archive holds an image for all platforms, as an OCI layout that `ctr images
// import` and tools for registries take, and beside it Docker's own list, by which
// `docker load` takes the image for the first platform. Equal sources and an equal Go
// version give equal bytes.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "image:", err)
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
	return write(ctx, root, wanted, stdout, stderr)
}

// source is a program that there is an image of.
type source struct {
	name    string // of the image, after dbtether/
	program string // in the image's root folder
	path    string // of its package
}

// sources are all of them. The probe is for the end-to-end tests only.
var sources = []source{
	{"webhook", "webhook", "./cmd/webhook"},
	{"plugin", "kubectl-dbtether", "./cmd/kubectl-dbtether"},
	{"probe", "probe", "./hack/e2e/probe"},
}

// platform is one that images are for.
type platform struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
}

func (p platform) String() string { return p.OS + "/" + p.Architecture }

// options are what images are made from, besides the sources.
type options struct {
	version   string
	out       string
	registry  string
	platforms []platform
	sources   []source
	programs  string // folder to keep the programs in; empty: none
}

// prefix returns what stands before the images' names.
func (o options) prefix() string {
	return strings.TrimPrefix(o.registry+"/dbtether", "/")
}

// reference returns the name that the image of a source is known by.
func (o options) reference(s source) string {
	return o.prefix() + "/" + s.name + ":" + o.version
}

var (
	// tag and host are those of the OCI distribution specification and of what Docker
	// takes, as far as we need them.
	tag  = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)
	host = regexp.MustCompile(`^[a-z0-9]+([.-][a-z0-9]+)*(:[0-9]+)?(/[a-z0-9]+([._-][a-z0-9]+)*)*$`)
)

func parseOptions(args []string, stderr io.Writer) (options, error) {
	var wanted options
	flags := flag.NewFlagSet("image", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&wanted.version, "version", "", "version, which is the images' tag, such as v0.1.0")
	flags.StringVar(&wanted.out, "out", "dist/images", "folder to write to")
	flags.StringVar(&wanted.registry, "registry", "", "`HOST[:PORT][/PATH]` to put before the images' names (default: none)")
	flags.StringVar(&wanted.programs, "programs", "", "`folder` to keep the programs in, too, each as IMAGE_OS_ARCH")
	platforms := flags.String("platforms", "linux/amd64,linux/arm64", "comma-separated `OS/ARCH`")
	images := flags.String("images", "webhook,plugin", "comma-separated `names` of images")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	if flags.NArg() > 0 {
		return options{}, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if !tag.MatchString(wanted.version) {
		return options{}, fmt.Errorf("--version %q: not a tag of an image, such as v0.1.0", wanted.version)
	}
	if wanted.registry != "" && !host.MatchString(wanted.registry) {
		return options{}, fmt.Errorf("--registry %q: not HOST[:PORT][/PATH]", wanted.registry)
	}
	var err error
	if wanted.platforms, err = parsePlatforms(*platforms); err != nil {
		return options{}, err
	}
	wanted.sources, err = parseImages(*images)
	return wanted, err
}

func parsePlatforms(list string) ([]platform, error) {
	var platforms []platform
	for name := range strings.SplitSeq(list, ",") {
		if name != "linux/amd64" && name != "linux/arm64" {
			return nil, fmt.Errorf("--platforms %q: not linux/amd64 or linux/arm64", name)
		}
		if p := (platform{OS: "linux", Architecture: strings.TrimPrefix(name, "linux/")}); !slices.Contains(platforms, p) {
			platforms = append(platforms, p)
		}
	}
	return platforms, nil
}

func parseImages(list string) ([]source, error) {
	var found []source
	for name := range strings.SplitSeq(list, ",") {
		i := slices.IndexFunc(sources, func(s source) bool { return s.name == name })
		if i < 0 {
			return nil, fmt.Errorf("--images %q: there is none of that name", name)
		}
		if !slices.Contains(found, sources[i]) {
			found = append(found, sources[i])
		}
	}
	return found, nil
}
