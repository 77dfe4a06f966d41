package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dbtether/kubectl-dbtether/hack/compile"
	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

// site is a cluster with one node, and a PostgreSQL beside it.
type site struct {
	postgres *testenv.PostgreSQL
	path     string // PATH, with the plugin on it
	version  string // of the images that the plugin installs
}

// newSite ends the test as skipped where there is no node. What it makes lives in the
// node's namespaces and ends with them.
func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{path: newPlugin(t), version: "e2e"}
	s.startPostgreSQL(t, os.Getenv("DBTETHER_NODE"))
	return s
}

// newPlugin builds the plugin and returns a PATH with it. It ends the test as skipped where
// there is no node.
func newPlugin(t *testing.T) (path string) {
	t.Helper()
	if reason := os.Getenv("DBTETHER_NODE_MISSING"); reason != "" {
		t.Skip(reason)
	}
	if os.Getenv("DBTETHER_NODE") == "" {
		t.Skip("there is no node: make e2e brings one up")
	}
	root, err := testenv.Root()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	plugin := compile.Program{Package: "./cmd/kubectl-dbtether", OS: runtime.GOOS, Arch: runtime.GOARCH, Version: "e2e"}
	if err := plugin.To(t.Context(), root, filepath.Join(bin, "kubectl-dbtether")); err != nil {
		t.Fatal(err)
	}
	return bin + ":" + os.Getenv("PATH")
}

// startPostgreSQL starts a server that also listens where pods are.
func (s *site) startPostgreSQL(t *testing.T, address string) {
	t.Helper()
	// Not in the test's own folder, which the server's account may not pass.
	rules, err := os.CreateTemp("", "dbtether-e2e-*.conf")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(rules.Name()) })
	_, err = fmt.Fprintln(rules, "host all all 127.0.0.1/32 scram-sha-256\nhost all all 10.0.0.0/8 scram-sha-256")
	if err := errors.Join(err, rules.Chmod(0o644), rules.Close()); err != nil {
		t.Fatal(err)
	}
	s.postgres = testenv.OwnPostgreSQL(t, testenv.PostgreSQLOptions{Version: 18,
		Settings: map[string]string{"listen_addresses": "127.0.0.1," + address, "hba_file": rules.Name()}})
	relay := strings.ReplaceAll(read(t, "postgres.yaml"), "TARGET", fmt.Sprintf("%s:%d", address, s.postgres.Port))
	s.apply(t, relay)
}

// run runs kubectl and returns what it says on both streams.
func (s *site) run(stdin string, args ...string) (string, error) {
	cmd := exec.Command("kubectl", args...)
	cmd.Env = append(os.Environ(), "PATH="+s.path)
	cmd.Stdin = strings.NewReader(stdin)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	err := cmd.Run()
	return strings.TrimSpace(said.String()), err
}

// kubectl ends the test if it fails.
func (s *site) kubectl(t *testing.T, args ...string) string {
	t.Helper()
	said, err := s.run("", args...)
	if err != nil {
		t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, said)
	}
	return said
}

func (s *site) apply(t *testing.T, manifest string) {
	t.Helper()
	if said, err := s.run(manifest, "apply", "--server-side", "-f", "-"); err != nil {
		t.Fatalf("%v\n%s\n%s", err, said, manifest)
	}
}

// install brings the installation of the images to what the flags say.
func (s *site) install(t *testing.T, flags ...string) {
	t.Helper()
	s.kubectl(t, append([]string{"dbtether", "install", "--image-prefix", "registry.test/dbtether", "--image-version", s.version, "--debug"}, flags...)...)
}

// logins returns the roles of the user orders-api that may log in.
func (s *site) logins(t *testing.T) string {
	t.Helper()
	return s.loginsOf(t, `orders\_api%`)
}

// loginsOf returns the roles that are like a pattern and may log in.
func (s *site) loginsOf(t *testing.T, pattern string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.postgres.SuperuserURL(""))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	var names string
	err = conn.QueryRow(t.Context(), `SELECT coalesce(string_agg(rolname, ' ' ORDER BY rolname), '') FROM pg_roles WHERE rolname LIKE $1 AND rolcanlogin`, pattern).Scan(&names)
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// app returns the manifest of an application's pod.
func app(t *testing.T, name string) string {
	t.Helper()
	return strings.ReplaceAll(read(t, "app.yaml"), "NAME", name)
}

// eventually repeats a check until it returns no error, for two minutes.
func eventually(t *testing.T, what string, check func() error) {
	t.Helper()
	testenv.Within(t, 2*time.Minute, what, check)
}

// eventuallySays repeats a command until that is all it says.
func (s *site) eventuallySays(t *testing.T, want string, args ...string) {
	t.Helper()
	eventually(t, "kubectl "+strings.Join(args, " "), func() error {
		said, err := s.run("", args...)
		if err == nil && said != want {
			err = errors.New("it says something else than " + want)
		}
		if err != nil {
			return fmt.Errorf("%w: %s", err, said)
		}
		return nil
	})
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func mustContain(t *testing.T, text, want string) {
	t.Helper()
	if !strings.Contains(text, want) {
		t.Fatalf("got\n%s\nwithout\n%s", text, want)
	}
}
