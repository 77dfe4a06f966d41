package monitoring

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }

// site is the webhook and the runner as they are built, at work for an API server of
// their own.
type site struct {
	control  *testenv.ControlPlane
	postgres *testenv.PostgreSQL
	bin      string
	path     string // PATH, with the plugin on it
	webhook  string // where its metrics are, host:port
	runner   string
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{postgres: testenv.SharedPostgreSQL(t, 18), bin: t.TempDir()}
	root, err := testenv.Root()
	if err != nil {
		t.Fatal(err)
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-o", s.bin+string(filepath.Separator), "./cmd/...")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	// An installation is of the whole API server, which other tests share.
	if s.control, err = testenv.StartControlPlane(t.Context(), testenv.ControlPlaneOptions{Log: t.Logf}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.control.Stop(); err != nil {
			t.Error(err)
		}
	})
	s.path = strings.Join([]string{s.bin, filepath.Dir(s.control.Kubectl), os.Getenv("PATH")}, string(os.PathListSeparator))
	s.startWebhook(t)
	s.startRunner(t)
	return s
}

// startWebhook starts it with the rights of its service account, and installs what there
// is to install.
func (s *site) startWebhook(t *testing.T) {
	t.Helper()
	kubeconfig, err := s.control.KubeconfigFor("system:serviceaccount:dbtether-system:dbtether-webhook", "system:serviceaccounts")
	if err != nil {
		t.Fatal(err)
	}
	listen := freeAddress(t)
	s.webhook = freeAddress(t)
	s.start(t, "webhook", "--kubeconfig="+kubeconfig, "--listen="+listen, "--metrics-listen="+s.webhook, "--url=https://"+listen, "--cert-secret=", "--drain=0s")
	s.kubectl(t, "", "dbtether", "install", "--webhook-url", "https://"+listen)
}

func (s *site) startRunner(t *testing.T) {
	t.Helper()
	s.runner = freeAddress(t)
	s.start(t, "kubectl-dbtether", "reconcile", "--watch", "-A", "--kubeconfig="+s.control.Kubeconfig, "--metrics-listen="+s.runner, "--admin-secret-namespaces=*")
}

// start runs a program until the test ends.
func (s *site) start(t *testing.T, program string, args ...string) {
	t.Helper()
	log, err := os.Create(filepath.Join(s.bin, program+".log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(filepath.Join(s.bin, program), args...)
	cmd.Stdout, cmd.Stderr = log, log
	release, err := testenv.StartBound(cmd, syscall.SIGKILL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait() // SIGTERM is its end
		release()
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("the log of %s ends:\n%s", program, text[max(0, len(text)-4000):])
		}
	})
}

// kubectl ends the test if the command fails.
func (s *site) kubectl(t *testing.T, stdin string, args ...string) {
	t.Helper()
	if said, err := s.run(stdin, args...); err != nil {
		t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, said)
	}
}

// refused ends the test if the command succeeds, or fails for another reason.
func (s *site) refused(t *testing.T, reason, stdin string, args ...string) {
	t.Helper()
	if said, err := s.run(stdin, args...); err == nil || !strings.Contains(said, reason) {
		t.Fatalf("kubectl %s was to be refused with %s: %v\n%s", strings.Join(args, " "), reason, err, said)
	}
}

func (s *site) run(stdin string, args ...string) (string, error) {
	cmd := exec.Command(s.control.Kubectl, args...)
	cmd.Env = append(os.Environ(), "PATH="+s.path, "KUBECONFIG="+s.control.Kubeconfig)
	cmd.Stdin = strings.NewReader(stdin)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	err := cmd.Run()
	return said.String(), err
}

// scrape returns what a program shows.
func scrape(address string) (string, error) {
	response, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	var text bytes.Buffer
	_, err = text.ReadFrom(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", address, response.Status)
	}
	return text.String(), err
}

// shows waits until a program shows a series.
func shows(t *testing.T, address, series string) {
	t.Helper()
	eventually(t, "the metrics have "+series, func() error {
		text, err := scrape(address)
		if err == nil && !strings.Contains(text, series) {
			err = errors.New("they have not")
		}
		return err
	})
}

func eventually(t *testing.T, what string, check func() error) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		if err = check(); err == nil {
			return
		}
	}
	t.Fatalf("not within a minute: %s: %v", what, err)
}
