package faults_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// site is a namespace and a cluster of one test.
type site struct {
	*environment
	name string // of both, and part of all other names
}

// site makes a namespace, and a cluster whose server is reached at an address. The webhook
// has to run.
func (e *environment) site(t *testing.T, host string, port int) *site {
	t.Helper()
	s := &site{e, fmt.Sprintf("fault%06x", rand.IntN(1<<24))}
	e.must(t, "", "create", "namespace", s.name)
	e.must(t, "", "label", "namespace", s.name, "dbtether.io/injection=enabled")
	e.must(t, clusterNamed(s.name, host, port), "create", "-f", "-")
	t.Cleanup(func() {
		_ = e.objects.Resource(v1alpha1.DBClusters).Delete(context.Background(), s.name, metav1.DeleteOptions{})
		for _, resource := range []schema.GroupVersionResource{v1alpha1.DatabaseUsers, v1alpha1.Databases} {
			_ = e.objects.Resource(resource).Namespace(s.name).DeleteCollection(context.Background(), metav1.DeleteOptions{}, metav1.ListOptions{})
		}
	})
	return s
}

// ordersSite is a site with a user orders-api who is ready.
func (e *environment) ordersSite(t *testing.T) *site {
	t.Helper()
	s := e.site(t, e.postgres.Host, e.postgres.Port)
	s.mustPlugin(t, "db", "create", "orders", "--cluster", s.name, "--user", "orders-api")
	return s
}

func clusterNamed(name, host string, port int) string {
	return fmt.Sprintf("apiVersion: dbtether.io/v1alpha1\nkind: DBCluster\nmetadata: {name: %s}\n"+
		"spec: {endpoint: %s, port: %d, sslMode: require, naming: '{namespace}_{name}', credentialsSecretRef: {name: admin, namespace: dbtether-system}}\n", name, host, port)
}

// resources returns a Database and its DatabaseUser as YAML; the user's name is that of
// the Database and "-api".
func (s *site) resources(name string) string {
	meta := func(kind, name string) string {
		return fmt.Sprintf("apiVersion: dbtether.io/v1alpha1\nkind: %s\nmetadata: {name: %s, namespace: %s}\n", kind, name, s.name)
	}
	return meta("Database", name) + "spec: {clusterRef: {name: " + s.name + "}}\n---\n" +
		meta("DatabaseUser", name+"-api") + "spec: {databaseRef: {name: " + name + "}, privileges: admin}\n"
}

// result is what a command came to.
type result struct {
	args           []string
	stdout, stderr string
	err            error
	took           time.Duration
}

// String quotes everything, for messages of the test.
func (r result) String() string {
	return fmt.Sprintf("kubectl dbtether %s: %v after %s\nstdout:\n%s\nstderr:\n%s", strings.Join(r.args, " "), r.err, r.took, r.stdout, r.stderr)
}

// clear reports whether the command succeeded, or said what failed.
func (r result) clear() bool {
	return r.err == nil || strings.Contains(r.stderr, "error: ") && !strings.Contains(r.stderr, "panic")
}

// plugin runs the plugin to its end.
func (s *site) plugin(args ...string) result {
	cmd := s.home.Command("kubectl", append([]string{"dbtether", "-n", s.name}, args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &stdout, &stderr, time.Second
	started := time.Now()
	err := cmd.Start()
	if err == nil {
		overdue := time.AfterFunc(2*time.Minute, func() { _ = cmd.Process.Kill() })
		err = cmd.Wait()
		overdue.Stop()
	}
	return result{args, stdout.String(), stderr.String(), err, time.Since(started)}
}

func (s *site) mustPlugin(t *testing.T, args ...string) {
	t.Helper()
	if r := s.plugin(args...); r.err != nil {
		t.Fatal(r)
	}
}

// runner starts one of all namespaces that is started again when it ends.
func (e *environment) runner(t *testing.T) *kept {
	t.Helper()
	return keep(t, func() *process { return e.startRunner(t, e.home, "") })
}

// startRunner starts a runner of all namespaces, with the kubeconfig of a home. file is
// where its output goes; "": to a log.
func (e *environment) startRunner(t *testing.T, home testenv.Home, file string) *process {
	t.Helper()
	metrics := freeAddress(t)
	return launch(t, home.Command("kubectl", "dbtether", "reconcile", "-A", "--watch", "--metrics-listen="+metrics, "--admin-secret-namespaces="+systemNamespace), metrics, file)
}

// phase returns the phase and the message of a resource; the phase is empty while nobody has
// reconciled the resource as it is now.
func (s *site) phase(resource schema.GroupVersionResource, name string) (phase, message string) {
	client := s.objects.Resource(resource).Namespace(s.name)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	get := client.Get
	if resource == v1alpha1.DBClusters {
		get = s.objects.Resource(resource).Get
	}
	object, err := get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return "", err.Error()
	}
	if observed, _, _ := unstructured.NestedInt64(object.Object, "status", "observedGeneration"); observed != object.GetGeneration() {
		return "", "nobody has looked at it"
	}
	phase, _, _ = unstructured.NestedString(object.Object, "status", "phase")
	message, _, _ = unstructured.NestedString(object.Object, "status", "message")
	return phase, message
}

// waitPhase waits until a resource has a phase and a message with a text.
func (s *site) waitPhase(t *testing.T, limit time.Duration, resource schema.GroupVersionResource, name, want, says string) time.Duration {
	t.Helper()
	return testenv.Within(t, limit, fmt.Sprintf("%s %s is %s and says %q", resource.Resource, name, want, says), func() error {
		phase, message := s.phase(resource, name)
		if phase != want || !strings.Contains(message, says) {
			return fmt.Errorf("it is %q: %s", phase, message)
		}
		return nil
	})
}

// checkWhole expects a Database and its user as an undisturbed run leaves them: the user logs
// in with what is in the Secret, writes and reads, and nothing is left to do.
func (s *site) checkWhole(t *testing.T, name string) {
	t.Helper()
	s.waitPhase(t, time.Minute, v1alpha1.Databases, name, v1alpha1.PhaseReady, "")
	s.waitPhase(t, time.Minute, v1alpha1.DatabaseUsers, name+"-api", v1alpha1.PhaseReady, "")
	if err := s.logIn(name); err != nil {
		t.Errorf("the user of database %s: %v", name, err)
	}
	for _, of := range []string{"database/" + name, "user/" + name + "-api"} {
		if r := s.plugin("drift", of); r.err != nil {
			t.Errorf("something was left half done: %v", r)
		}
	}
}

// logIn logs in to the server directly, past any relay.
func (s *site) logIn(name string) error {
	secret, err := s.kube.CoreV1().Secrets(s.name).Get(context.Background(), name+"-api-credentials", metav1.GetOptions{})
	if err != nil {
		return err
	}
	url := s.postgres.URL(string(secret.Data["username"]), string(secret.Data["password"]), string(secret.Data["database"]))
	conn, err := pgx.Connect(context.Background(), url)
	if err != nil {
		return err
	}
	defer conn.Close(context.Background())
	_, err = conn.Exec(context.Background(), "CREATE TABLE IF NOT EXISTS written (n int); INSERT INTO written VALUES (1); SELECT n FROM written")
	return err
}

// checkInjected creates a pod that asks for a user, and expects that it gets the
// credential.
func (s *site) checkInjected(t *testing.T, name, user string) {
	t.Helper()
	pod := fmt.Sprintf("apiVersion: v1\nkind: Pod\nmetadata: {name: %s, namespace: %s, annotations: {dbtether.io/inject: %s}}\n"+
		"spec: {automountServiceAccountToken: false, containers: [{name: app, image: app}]}\n", name, s.name, user)
	testenv.Within(t, 30*time.Second, "a pod of "+user+" is created", func() error {
		_, err := s.kubectl(pod, "create", "-f", "-")
		return err
	})
	got := s.must(t, "", "get", "pod", name, "-n", s.name, "-o", `jsonpath={.metadata.annotations.dbtether\.io/injected}`)
	if !strings.HasPrefix(got, user+"@") {
		t.Errorf("the pod was injected %q", got)
	}
}

// revisions returns how many revisions the credential of a user has.
func (s *site) revisions(t *testing.T, user string) int {
	t.Helper()
	return s.revisionsOf(t, user+"-credentials")
}

// revisionsOf returns how many revisions a managed Secret has.
func (s *site) revisionsOf(t *testing.T, secret string) int {
	t.Helper()
	names := strings.Fields(s.must(t, "", "get", "secrets", "-n", s.name, "-o", "jsonpath={.items[*].metadata.name}"))
	names = slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, secret+".v") })
	return len(names)
}
