package skew

import (
	"bytes"
	"encoding/json"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	corev1 "k8s.io/api/core/v1"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

// site is an API server of its own, a PostgreSQL, a webhook, and a person with kubectl
// and the plugin.
type site struct {
	t        *testing.T
	server   *testenv.ControlPlane
	postgres *testenv.PostgreSQL
	webhook  *testenv.Webhook
	home     testenv.Home
}

// newSite starts the webhook of one version, which nobody has installed yet. The plugin is of
// the same version until use chooses another one.
func newSite(t *testing.T, kubernetes testenv.Kubernetes, postgres int, webhook *programs) *site {
	t.Helper()
	programs := webhook.built(t)
	server := testenv.OwnControlPlane(t, testenv.ControlPlaneOptions{Kubernetes: kubernetes})
	s := &site{t: t, server: server, postgres: testenv.SharedPostgreSQL(t, postgres)}
	s.webhook = server.OwnWebhook(t, filepath.Join(programs, "webhook"))
	var err error
	if s.home, err = server.NewHome(t.TempDir(), programs); err != nil {
		t.Fatal(err)
	}
	return s
}

// use lets the person have the plugin of a version from now on.
func (s *site) use(p *programs) {
	s.t.Helper()
	if err := s.home.Use(p.built(s.t)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) stopWebhook() {
	s.t.Helper()
	if err := s.webhook.Stop(); err != nil {
		s.t.Errorf("the webhook: %v", err)
	}
}

// startWebhook starts it again and waits until the API server reaches it.
func (s *site) startWebhook() {
	s.t.Helper()
	if err := s.webhook.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.do("", "dbtether check webhook --wait --timeout 60s")
}

// run runs kubectl with the words of a line.
func (s *site) run(input, line string) (stdout, stderr string, code int) {
	s.t.Helper()
	cmd := s.home.Command("kubectl", strings.Fields(line)...)
	var out, errOut bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &out, &errOut
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	return out.String(), errOut.String(), cmd.ProcessState.ExitCode()
}

// do runs a line that has to succeed.
func (s *site) do(input, line string) string {
	s.t.Helper()
	out, errOut, code := s.run(input, line)
	if code != 0 {
		s.t.Fatalf("kubectl %s: code %d\n%s%s\n%s", line, code, out, errOut, input)
	}
	return out
}

// refused runs a line that has to fail with a code and say something.
func (s *site) refused(code int, said, input, line string) {
	s.t.Helper()
	out, errOut, got := s.run(input, line)
	if got != code || !strings.Contains(errOut, said) {
		s.t.Fatalf("kubectl %s: code %d, want %d and %q\n%s%s", line, got, code, said, out, errOut)
	}
}

// eventually waits until a line fails with a code and says something: the API server
// takes a moment to read its own policies and configurations.
func (s *site) eventually(code int, said, input, line string) {
	s.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		out, errOut, got := s.run(input, line)
		if got == code && strings.Contains(errOut, said) {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("kubectl %s: code %d, want %d and %q\n%s%s", line, got, code, said, out, errOut)
		}
	}
}

// read gets an object of the namespace.
func (s *site) read(into any, namespace, kind, name string) {
	s.t.Helper()
	if err := json.Unmarshal([]byte(s.do("", "get "+kind+" "+name+" -n "+namespace+" -o json")), into); err != nil {
		s.t.Fatal(err)
	}
}

// logIn connects with the uri of a Secret and runs statements.
func (s *site) logIn(namespace, secret string, statements ...string) error {
	s.t.Helper()
	var credential corev1.Secret
	s.read(&credential, namespace, "secret", secret)
	conn, err := pgx.Connect(s.t.Context(), string(credential.Data["uri"]))
	if err != nil {
		return err
	}
	defer conn.Close(s.t.Context())
	for _, statement := range statements {
		if _, err := conn.Exec(s.t.Context(), statement); err != nil {
			return err
		}
	}
	return nil
}
