package faults_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

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
// them and puts them right again, and the built programs.
type environment struct {
	dir        string // holds kubectl, the plugin and the webhook, and is their home
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
	e.once.Do(func() { e.err = e.start() })
	if e.err != nil {
		t.Fatal(e.err)
	}
	return e
}

func (e *environment) start() error {
	var err error
	if e.dir, err = os.MkdirTemp("", "dbtether-faults-"); err != nil {
		return err
	}
	if err := build(e.dir); err != nil {
		return err
	}
	ctx := context.Background()
	if e.kubernetes, err = testenv.StartControlPlane(ctx, testenv.ControlPlaneOptions{}); err != nil {
		return err
	}
	if e.postgres, err = testenv.StartPostgreSQL(ctx, testenv.PostgreSQLOptions{Version: 18}); err != nil {
		return err
	}
	if err := os.Symlink(e.kubernetes.Kubectl, filepath.Join(e.dir, "kubectl")); err != nil {
		return err
	}
	if e.config, err = clientcmd.BuildConfigFromFlags("", e.kubernetes.Kubeconfig); err != nil {
		return err
	}
	e.config.QPS, e.config.WarningHandler = -1, rest.NoWarnings{}
	var errs [3]error
	e.objects, errs[0] = dynamic.NewForConfig(e.config)
	e.kube, errs[1] = kubernetes.NewForConfig(e.config)
	e.account, errs[2] = e.kubernetes.KubeconfigFor("system:serviceaccount:"+systemNamespace+":dbtether-webhook", "system:serviceaccounts")
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	return e.install()
}

// build builds both programs into a folder.
func build(dir string) error {
	root, err := testenv.Root()
	if err != nil {
		return err
	}
	cmd := exec.Command("go", "build", "-o", dir+string(filepath.Separator), "./cmd/...")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the programs: %w\n%s", err, out)
	}
	return nil
}

// install applies what an installation has, but for the Deployments, which nobody would
// run here, and registers the PostgreSQL server as the cluster "main".
func (e *environment) install() error {
	if _, err := e.kubectl("", "create", "namespace", systemNamespace); err != nil {
		return err
	}
	if err := e.kubernetes.Apply("crd/*.yaml", "policies/*.yaml", "webhook/*.yaml"); err != nil {
		return err
	}
	if _, err := e.kubectl("", "wait", "--for=condition=Established", "--timeout=60s",
		"crd/dbclusters.dbtether.io", "crd/databases.dbtether.io", "crd/databaseusers.dbtether.io"); err != nil {
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
	return errors.Join(append(errs, os.RemoveAll(e.dir))...)
}

// command returns a program that finds kubectl, the plugin and nothing of the person who
// runs the tests.
func (e *environment) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(e.dir, name), args...)
	cmd.Env = []string{"PATH=" + e.dir + string(os.PathListSeparator) + os.Getenv("PATH"), "HOME=" + e.dir, "KUBECONFIG=" + e.kubernetes.Kubeconfig}
	return cmd
}

// kubectl runs it as cluster-admin. The error has what it said.
func (e *environment) kubectl(stdin string, args ...string) (string, error) {
	cmd := e.command("kubectl", args...)
	cmd.Stdin = strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(stdout.String()), nil
}

// must is kubectl, and ends the test where that fails.
func (e *environment) must(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	out, err := e.kubectl(stdin, args...)
	if err != nil {
		t.Fatalf("%v\n%s", err, stdin)
	}
	return out
}

// within calls check until it returns nil, and ends the test when that takes longer than
// limit. It returns how long it took.
func within(t *testing.T, limit time.Duration, what string, check func() error) time.Duration {
	t.Helper()
	started := time.Now()
	for {
		err := check()
		took := time.Since(started)
		if err == nil {
			return took
		}
		if took > limit {
			t.Fatalf("not within %s: %s: %v", limit, what, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// freeAddress returns a loopback address below the ports of outgoing connections.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", 20000+rand.IntN(12000))
		if l, err := net.Listen("tcp", address); err == nil {
			l.Close()
			return address
		}
	}
	t.Fatal("no free port")
	return ""
}

// must returns what a fault or its end could not do.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
