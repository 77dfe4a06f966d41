package faults_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

func TestMain(m *testing.M) {
	code := testenv.Main(m)
	if err := theEnvironment.stop(); err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// environment is what the tests share: servers of their own, because each test breaks
// them and puts them right again, and a home with kubectl, the plugin and the webhook.
type environment struct {
	home       testenv.Home
	kubernetes *testenv.ControlPlane
	postgres   *testenv.PostgreSQL
	config     *rest.Config
	objects    dynamic.Interface
	kube       kubernetes.Interface
	account    string // kubeconfig of the webhook's service account

	once sync.Once
	err  error
}

var theEnvironment environment

const systemNamespace = "dbtether-system"

func newEnvironment(t *testing.T) *environment {
	t.Helper()
	e := &theEnvironment
	programs := testenv.SharedPrograms(t, "")
	e.once.Do(func() { e.err = e.start(programs) })
	if e.err != nil {
		t.Fatal(e.err)
	}
	return e
}

func (e *environment) start(programs string) error {
	ctx := context.Background()
	var err error
	if e.kubernetes, err = testenv.StartControlPlane(ctx, testenv.ControlPlaneOptions{}); err != nil {
		return err
	}
	if e.postgres, err = testenv.StartPostgreSQL(ctx, testenv.PostgreSQLOptions{Version: 18}); err != nil {
		return err
	}
	if e.home, err = e.kubernetes.NewHome(e.kubernetes.Dir, programs); err != nil {
		return err
	}
	if e.config, err = e.kubernetes.Config(); err != nil {
		return err
	}
	e.config.WarningHandler = rest.NoWarnings{}
	var errs [3]error
	e.objects, errs[0] = dynamic.NewForConfig(e.config)
	e.kube, errs[1] = kubernetes.NewForConfig(e.config)
	e.account, errs[2] = e.kubernetes.KubeconfigFor("system:serviceaccount:"+systemNamespace+":dbtether-webhook", "system:serviceaccounts")
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	return e.install()
}

// install applies what an installation has, but for the Deployments, which nobody would
// run here, and creates the administrator's Secret to which every cluster refers.
func (e *environment) install() error {
	if _, err := e.kubectl("", "create", "namespace", systemNamespace); err != nil {
		return err
	}
	if err := e.kubernetes.Apply("crd/*.yaml", "policies/*.yaml", "webhook/*.yaml"); err != nil {
		return err
	}
	_, err := e.kubectl("", "create", "secret", "generic", "admin", "-n", systemNamespace,
		"--from-literal=username="+e.postgres.Superuser, "--from-literal=password="+e.postgres.SuperuserPassword)
	return err
}

func (e *environment) stop() error {
	var errs []error
	if e.kubernetes != nil {
		errs = append(errs, e.kubernetes.Stop())
	}
	if e.postgres != nil {
		errs = append(errs, e.postgres.Stop())
	}
	return errors.Join(errs...)
}

// kubectl runs it as cluster-admin. The error has what it said.
func (e *environment) kubectl(stdin string, args ...string) (string, error) {
	cmd := e.home.Command("kubectl", args...)
	cmd.Stdin = strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(stdout.String()), nil
}

// must is kubectl, and ends the test if that fails.
func (e *environment) must(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	out, err := e.kubectl(stdin, args...)
	if err != nil {
		t.Fatalf("%v\n%s", err, stdin)
	}
	return out
}

func freeAddress(t *testing.T) string {
	t.Helper()
	address, err := testenv.FreeAddress()
	must(t, err)
	return address
}

// must ends the test at an error.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
