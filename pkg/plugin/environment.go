package plugin

import (
	"crypto/rand"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/dynamic"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"

	"github.com/dbtether/kubectl-dbtether/pkg/tracing"
)

// Environment is everything that a command takes from outside: streams, clock,
// randomness, variables, and clients that are made when they are first asked
// for, so that --help, version and completion open nothing.
type Environment struct {
	genericiooptions.IOStreams
	// Config holds kubectl's own flags (--kubeconfig, --context, -n, …), without
	// --username and --password: API servers have no basic authentication since
	// Kubernetes 1.19, and here these words mean PostgreSQL's.
	Config *genericclioptions.ConfigFlags
	// Terminal says which of the streams are terminals.
	Terminal Terminal
	// Version is the version of this program, for example v0.1.0.
	Version string
	// Getenv reads an environment variable; empty where it is not set.
	Getenv func(name string) string
	// Now is the clock.
	Now func() time.Time
	// Random is a source fit for passwords.
	Random io.Reader

	restConfig func() (*rest.Config, error)
	dynamic    func() (dynamic.Interface, error)
	core       func() (corev1client.CoreV1Interface, error)
	caller     *caller
}

// Terminal says which streams are terminals and whether colour is wanted there.
type Terminal struct {
	In, Out, Err bool
	// Color is false where NO_COLOR is set or TERM is dumb (no-color.org).
	Color bool
}

// NewEnvironment returns the Environment of this process: its variables, the
// system's clock and randomness. It opens nothing.
func NewEnvironment(streams genericiooptions.IOStreams, version string) *Environment {
	env := &Environment{
		IOStreams: streams,
		Config:    genericclioptions.NewConfigFlags(true),
		Version:   version,
		Getenv:    os.Getenv,
		Now:       time.Now,
		Random:    rand.Reader,
	}
	env.Terminal = Terminal{
		In: isTerminal(streams.In), Out: isTerminal(streams.Out), Err: isTerminal(streams.ErrOut),
		Color: env.Getenv("NO_COLOR") == "" && env.Getenv("TERM") != "dumb",
	}
	env.caller = &caller{}
	env.Config.WrapConfigFn = env.tuned
	env.connect()
	return env
}

// connect says how the clients are made when they are first asked for.
func (e *Environment) connect() {
	e.restConfig = sync.OnceValues(e.Config.ToRESTConfig)
	e.dynamic = sync.OnceValues(func() (dynamic.Interface, error) {
		config, err := e.RESTConfig()
		if err != nil {
			return nil, err
		}
		return dynamic.NewForConfig(config)
	})
	e.core = sync.OnceValues(func() (corev1client.CoreV1Interface, error) {
		config, err := e.RESTConfig()
		if err != nil {
			return nil, err
		}
		binary := rest.CopyConfig(config) // hundreds of Secrets cost half of what they do as JSON
		binary.ContentType = runtime.ContentTypeProtobuf
		binary.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
		return corev1client.NewForConfig(binary)
	})
}

// RESTConfig returns how the API server is reached. It reads the kubeconfig when
// first called and connects to nothing.
func (e *Environment) RESTConfig() (*rest.Config, error) { return e.restConfig() }

// Dynamic returns the client for our custom resources. It connects to nothing.
func (e *Environment) Dynamic() (dynamic.Interface, error) { return e.dynamic() }

// Secrets returns the client for Secrets. It connects to nothing.
func (e *Environment) Secrets() (corev1client.SecretsGetter, error) { return e.core() }

// Namespace returns the namespace of -n, else that of the kubeconfig's context,
// else default.
func (e *Environment) Namespace() (string, error) {
	namespace, _, err := e.Config.ToRawKubeConfigLoader().Namespace()
	return namespace, err
}

// tuned adds to a loaded configuration what all our clients share. The server's
// warnings go to stderr once each. How much is asked at a time is bounded by the commands,
// and by the server's own priority and fairness: client-go's 5 requests per second would
// be felt.
func (e *Environment) tuned(config *rest.Config) *rest.Config {
	config.QPS = -1
	config.UserAgent = "kubectl-dbtether/" + e.Version
	config.Wrap(tracing.Transport)
	config.WarningHandler = rest.NewWarningWriter(e.ErrOut, rest.WarningWriterOptions{
		Deduplicate: true, Color: e.Terminal.Err && e.Terminal.Color,
	})
	return config
}

func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
