package monitoring

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
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
	home     testenv.Home
	control  *testenv.ControlPlane
	postgres *testenv.PostgreSQL
	webhook  string // where its metrics are, host:port
	runner   string
}

func newSite(t *testing.T) *site {
	t.Helper()
	programs := testenv.SharedPrograms(t, "v0.1.0")
	// An installation is of the whole API server, which other tests share.
	s := &site{control: testenv.OwnControlPlane(t, testenv.ControlPlaneOptions{}), postgres: testenv.SharedPostgreSQL(t, 18)}
	var err error
	if s.home, err = s.control.NewHome(t.TempDir(), programs); err != nil {
		t.Fatal(err)
	}
	webhook := s.control.OwnWebhook(t, filepath.Join(programs, "webhook"))
	s.webhook = webhook.Metrics
	s.kubectl(t, "", "dbtether", "install", "--webhook-url", webhook.URL)
	s.startRunner(t)
	return s
}

// startRunner starts a runner of all namespaces, until the test ends.
func (s *site) startRunner(t *testing.T) {
	t.Helper()
	var err error
	if s.runner, err = testenv.FreeAddress(); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(t.TempDir(), "runner.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd := s.home.Command("kubectl-dbtether", "reconcile", "--watch", "-A", "--metrics-listen="+s.runner, "--admin-secret-namespaces=*")
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
			t.Logf("the log of the runner ends:\n%s", text[max(0, len(text)-4000):])
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
	cmd := s.home.Command("kubectl", args...)
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
	testenv.Within(t, time.Minute, "the metrics have "+series, func() error {
		text, err := scrape(address)
		if err == nil && !strings.Contains(text, series) {
			err = errors.New("they have not")
		}
		return err
	})
}
