package plugin_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// listener runs commands, and keeps all that can be read of them.
type listener struct {
	program
	postgres              *testenv.PostgreSQL
	logFrom               int64 // where in its log the test begins
	namespace, kubeconfig string
	objects               dynamic.Interface
	core                  corev1client.CoreV1Interface
	admin, adminPassword  string
	stdin                 string // of every command

	passwords map[string]string // whose each of them is
	said      strings.Builder   // by commands
	seen      strings.Builder   // of resources, after each command
}

// newListener starts a server that logs everything, and returns who listens.
func newListener(t *testing.T, version int, super bool) *listener {
	t.Helper()
	server, err := testenv.StartPostgreSQL(t.Context(), testenv.PostgreSQLOptions{Version: version, Settings: talkative})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	l := &listener{postgres: server, admin: server.Admin, adminPassword: server.AdminPassword, passwords: map[string]string{}}
	if super {
		l.admin, l.adminPassword = server.Superuser, server.SuperuserPassword
	}
	l.program, l.namespace, l.kubeconfig = session(t)
	l.connect(t)
	log, err := os.Stat(server.LogFile)
	if err != nil {
		t.Fatal(err)
	}
	l.logFrom = log.Size() // what made the administrator stands before
	l.passwords[server.SuperuserPassword], l.passwords[server.AdminPassword] = "the superuser", "the administrator"
	return l
}

func (l *listener) connect(t *testing.T) {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", l.kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	config.QPS = -1
	if l.objects, err = dynamic.NewForConfig(config); err != nil {
		t.Fatal(err)
	}
	if l.core, err = corev1client.NewForConfig(config); err != nil {
		t.Fatal(err)
	}
}

// run runs the plugin with the words of a line as its arguments.
func (l *listener) run(t *testing.T, code int, line string) {
	t.Helper()
	cmd := exec.Command(filepath.Join(l.bin, "kubectl-dbtether"), strings.Fields(line)...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+l.kubeconfig, "PATH="+l.path())
	cmd.Stdin = strings.NewReader(l.stdin)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != code {
		t.Errorf("%s: %v, want exit code %d\n%s", line, err, code, out)
	}
	l.said.Write(out)
	if err := l.look(context.WithoutCancel(t.Context())); err != nil {
		t.Errorf("after %s: %v", line, err)
	}
}

// look reads the passwords of all Secrets, and all that others may read: resources,
// events, and what Secrets say beside their content.
func (l *listener) look(ctx context.Context) error {
	secrets, err := l.core.Secrets(l.namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for i := range secrets.Items {
		one := &secrets.Items[i]
		if password := string(one.Data["password"]); password != "" && l.passwords[password] == "" {
			l.passwords[password] = one.Name
		}
		text, err := json.Marshal(one.ObjectMeta)
		if err != nil {
			return err
		}
		l.seen.Write(text)
	}
	for _, resource := range []schema.GroupVersionResource{v1alpha1.Databases, v1alpha1.DatabaseUsers, {Version: "v1", Resource: "events"}} {
		list, err := l.objects.Resource(resource).Namespace(l.namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		for i := range list.Items {
			fmt.Fprintln(&l.seen, list.Items[i].Object)
		}
	}
	clusters, err := l.objects.Resource(v1alpha1.DBClusters).List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for i := range clusters.Items {
		if strings.HasPrefix(clusters.Items[i].GetName(), l.namespace) {
			fmt.Fprintln(&l.seen, clusters.Items[i].Object)
		}
	}
	return nil
}

// super runs statements of the superuser.
func (l *listener) super(t *testing.T, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), l.postgres.SuperuserURL(""))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	for _, statement := range statements {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// serverLog returns what the server has logged since the listener is there.
func (l *listener) serverLog(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(l.postgres.LogFile)
	if err != nil {
		t.Fatal(err)
	}
	return string(text[l.logFrom:])
}
