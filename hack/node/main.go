// Command node runs a command beside a Kubernetes cluster with one real node: an API
// server, controllers, a scheduler, a kubelet, containerd and runc, in mount, network
// and process namespaces of their own.
//
//	go run ./hack/image --version e2e --registry registry.test --images webhook,plugin,probe --out bin/e2e
//	go run ./hack/node run --images bin/e2e -- COMMAND [ARGUMENT...]
//
// One of the images must be registry.test/dbtether/probe:e2e: the namespaces of every pod
// are kept by a container of it, so that without it no pod starts.
//
// The command runs inside, where the cluster's addresses exist and nothing else does:
// there is no way out of that network. It sees KUBECONFIG and DBTETHER_NODE, the node's
// address. Everything ends with it, or with this process, however that ends. Where the
// machine allows no node, the command runs all the same, outside, and
// DBTETHER_NODE_MISSING says why; Go tests are skipped with that sentence.
//
// There is no cluster DNS and no kube-proxy: of all Services, only the API server's
// own address is reached from pods. Webhooks are called by the addresses of their pods.
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
	"strings"
	"syscall"
	"time"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

func main() {
	if len(os.Args) == 3 && (os.Args[1] == asInit || os.Args[1] == asCluster) {
		os.Exit(inside(os.Args[1], os.Args[2]))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	ctx, cancel := context.WithCancel(ctx)
	testenv.EndWithParent(cancel)
	code, err := run(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "node:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

const (
	asInit    = "namespace-init" // the first process of the namespaces
	asCluster = "cluster"        // its child, which starts everything
)

// settings are what the processes inside need to know.
type settings struct {
	Dir      string // ours alone, empty at first
	Logs     string // folder
	Images   string // folder with archives to load; may be empty
	Binaries testenv.NodeBinaries
	Command  []string
	Started  time.Time
}

// run returns the exit code of the command.
func run(ctx context.Context, args []string) (int, error) {
	s, err := parse(args)
	if err != nil {
		return 2, err
	}
	reason := missing()
	if reason == "" {
		s.Binaries, err = testenv.FetchNode(ctx, s.log)
		if errors.Is(err, testenv.ErrNoSeccomp) {
			reason, err = err.Error(), nil
		}
	}
	if err != nil {
		return 1, err
	}
	if reason != "" {
		s.log("there is no node here: %s", reason)
		return withoutNode(ctx, s, reason)
	}
	return withNode(ctx, s)
}

// sandboxImage keeps a pod's namespaces: our probe does what is needed for that, and is
// there without a registry.
const sandboxImage = "registry.test/dbtether/probe:e2e"

func parse(args []string) (settings, error) {
	s := settings{Started: time.Now()}
	if len(args) == 0 || args[0] != "run" {
		return s, errors.New("usage: node run [flags] -- COMMAND [ARGUMENT...]")
	}
	flags := flag.NewFlagSet("node run", flag.ContinueOnError)
	flags.StringVar(&s.Images, "images", "", "`folder` of archives to load onto the node, as hack/image writes them; one of them must be "+sandboxImage+", which keeps the namespaces of every pod")
	flags.StringVar(&s.Logs, "logs", "", "`folder` to write the components' logs to (default: a temporary one)")
	if err := flags.Parse(args[1:]); err != nil {
		return s, err
	}
	if s.Command = flags.Args(); len(s.Command) == 0 {
		return s, errors.New("run: no command given")
	}
	for _, path := range []*string{&s.Images, &s.Logs} {
		if *path == "" {
			continue
		}
		var err error
		if *path, err = filepath.Abs(*path); err != nil {
			return s, err
		}
	}
	return s, nil
}

func (s settings) log(format string, a ...any) {
	fmt.Fprintf(os.Stderr, "node %6.1f s  %s\n", time.Since(s.Started).Seconds(), fmt.Sprintf(format, a...))
}

// withoutNode runs the command and tells it why there is no node.
func withoutNode(ctx context.Context, s settings, reason string) (int, error) {
	cmd := exec.CommandContext(ctx, s.Command[0], s.Command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), missingVariable+"="+reason)
	return exitCode(cmd.Run())
}

const (
	// addressVariable holds the node's address, missingVariable why there is none.
	addressVariable = "DBTETHER_NODE"
	missingVariable = "DBTETHER_NODE_MISSING"
)

// exitCode tells the end of a command from a failure to run it.
func exitCode(err error) (int, error) {
	var failed *exec.ExitError
	if errors.As(err, &failed) && failed.ExitCode() >= 0 {
		return failed.ExitCode(), nil
	}
	return 0, err
}

// tail returns the last lines of a file.
func tail(file string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-15):], "\n")
}
