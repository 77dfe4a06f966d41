package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/dbtether/kubectl-dbtether/hack/docs/transcript"
	"github.com/dbtether/kubectl-dbtether/hack/testenv"
	_ "github.com/dbtether/kubectl-dbtether/pkg/admission" // in the webhook that is built here: a change of it is to run the test again
)

// serverName is how the pages call the PostgreSQL server.
const serverName = "db.example.com"

// site is what one page runs on: servers of its own, and the built programs. A person who
// types what the page says is jane, an administrator whose context names the namespace shop.
type site struct {
	root       string // the repository's folder
	folder     string // where the page's commands run
	postgres   *testenv.PostgreSQL
	older      *testenv.PostgreSQL // nil where the page does without
	kubernetes *testenv.ControlPlane
	variables  []string
}

func newSite(t *testing.T) *site {
	t.Helper()
	bin := testenv.SharedPrograms(t, "v0.1.0")
	s := &site{folder: filepath.Join(t.TempDir(), "page"), postgres: testenv.OwnPostgreSQL(t, testenv.PostgreSQLOptions{Version: 18}),
		kubernetes: testenv.OwnControlPlane(t, testenv.ControlPlaneOptions{})}
	webhook := s.kubernetes.OwnWebhook(t, filepath.Join(bin, "webhook"))
	kubeconfig, err := s.kubernetes.KubeconfigFor("jane", "system:masters")
	if err != nil {
		t.Fatal(err)
	}
	home := filepath.Join(filepath.Dir(s.folder), "home")
	if s.root, err = testenv.Root(); err != nil {
		t.Fatal(err)
	}
	s.variables = []string{
		"PATH=" + strings.Join([]string{bin, os.Getenv("PATH"), filepath.Dir(s.kubernetes.Kubectl)}, string(os.PathListSeparator)), "HOME=" + home, "KUBECONFIG=" + kubeconfig,
		"LANG=C.UTF-8", "TZ=UTC", "TERM=dumb", "USER=jane",
	}
	// What a reader has in a checkout.
	err = errors.Join(os.Mkdir(s.folder, 0o755), os.Mkdir(home, 0o755),
		os.Symlink(filepath.Join(s.root, "docs"), filepath.Join(s.folder, "docs")),
		os.Symlink(filepath.Join(s.root, "manifests"), filepath.Join(s.folder, "manifests")),
		s.prepare("kubectl create namespace shop && kubectl config set-context --current --namespace shop"))
	if err != nil {
		t.Fatal(err)
	}
	s.variables = append(s.variables, "WEBHOOK_URL="+webhook.URL)
	return s
}

// startOlder brings up a server that Debian's pg_dump can read, until the test ends.
func (s *site) startOlder(t *testing.T) {
	t.Helper()
	s.older = testenv.OwnPostgreSQL(t, testenv.PostgreSQLOptions{Version: 15})
}

// prepare runs lines of bash before the page, as jane. They also find
//
//	$WEBHOOK_URL                                     where the webhook runs
//	$SERVER_HOST, $SERVER_PORT, $SERVER_PASSWORD     the PostgreSQL server, and its superuser's password
//	$SERVER_CA                                       the file of the authority that signed its certificate
//	$ADMIN, $ADMIN_PASSWORD                          a role of it with what managed services give their customers
//	$OLDER_HOST, $OLDER_PORT, $OLDER_PASSWORD        an older server, if the lines name it
//	$STEPS                                           the folder of what several pages need
func (s *site) prepare(lines string) error {
	command := exec.Command("bash", "-eu", "-o", "pipefail", "-c", lines)
	command.Dir = s.folder
	command.Env = append([]string{
		"SERVER_HOST=" + s.postgres.Host, "SERVER_PORT=" + strconv.Itoa(s.postgres.Port), "SERVER_PASSWORD=" + s.postgres.SuperuserPassword,
		"SERVER_CA=" + s.postgres.CAFile, "ADMIN=" + s.postgres.Admin, "ADMIN_PASSWORD=" + s.postgres.AdminPassword,
		"STEPS=" + filepath.Join(s.root, "hack", "docs", "testdata", "steps"),
	}, s.variables...)
	if s.older != nil {
		command.Env = append(command.Env,
			"OLDER_HOST="+s.older.Host, "OLDER_PORT="+strconv.Itoa(s.older.Port), "OLDER_PASSWORD="+s.older.SuperuserPassword)
	}
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("prepare the page: %w\n%s", err, out)
	}
	return nil
}

// run returns how the page's steps are run. The caller closes the shell.
func (s *site) run() (transcript.Run, error) {
	shell, err := transcript.StartShell(s.folder, s.variables)
	return transcript.Run{Shell: shell, Folder: s.folder, Typed: s.typed, Shown: s.shown}, err
}

// typed puts the address of the server in the place of its name, and its port in the
// place of 5432, which is not said where it is the default.
func (s *site) typed(text string) string {
	port := strconv.Itoa(s.postgres.Port)
	if strings.Contains(text, "5432") {
		return strings.NewReplacer(serverName, s.postgres.Host, "5432", port).Replace(text)
	}
	text = strings.ReplaceAll(text, "--endpoint "+serverName, "--endpoint "+s.postgres.Host+" --port "+port)
	text = strings.ReplaceAll(text, "endpoint: "+serverName+"\n", "endpoint: "+s.postgres.Host+"\n  port: "+port+"\n")
	text = strings.ReplaceAll(text, "endpoint: "+serverName, "endpoint: "+s.postgres.Host+", port: "+port)
	return strings.ReplaceAll(text, serverName, s.postgres.Host)
}

// shown is the other way round.
func (s *site) shown(text string) string {
	port := strconv.Itoa(s.postgres.Port)
	return strings.NewReplacer(
		strings.TrimPrefix(s.kubernetes.URL, "https://"), "kubernetes.example.com:6443",
		s.postgres.Host+":"+port, serverName+":5432",
		s.folder, "/home/jane",
		port, "5432",
	).Replace(text)
}

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }
