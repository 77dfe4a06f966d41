package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestInstallation is the life of an installation: each step goes on from those
// before it, and the first that fails is the last.
func TestInstallation(t *testing.T) {
	s := newSite(t)
	for _, step := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"two replicas of the webhook are ready", s.webhookRuns},
		{"the plugin provisions past the API server", s.provisions},
		{"psql reaches the database past the API server", s.psql},
		{"a pod logs in with what it was given", s.podLogsIn},
		{"a rotation while the pod runs", s.rotates},
		{"a Job with a credential completes", s.jobCompletes},
		{"a rotation that restarts", s.restarts},
		{"three rotations under clients that connect", s.clientsNoticeNothing},
		{"a runner in a pod provisions what others wrote", s.runnerProvisions},
		{"Prometheus finds what the dashboard asks for", s.asksPrometheus},
		{"a replica of the webhook goes", s.oneReplicaGoes},
		{"a replica of the webhook is killed", s.oneReplicaIsKilled},
		{"both replicas are gone", s.bothReplicasAreGone},
		{"they are back", s.replicasAreBack},
		{"it goes, and what is not its own stays", s.uninstalls},
	} {
		if !t.Run(step.name, step.run) {
			return
		}
	}
}

func (s *site) webhookRuns(t *testing.T) {
	s.install(t)
	if got := s.kubectl(t, "get", "deployment", "dbtether-webhook", "-n", "dbtether-system", "-o", "jsonpath={.status.readyReplicas}"); got != "2" {
		t.Fatalf("%s replicas are ready", got)
	}
	s.webhookAnswers(t)
	s.kubectl(t, "dbtether", "check") // it fails if there is an error
}

// webhookAnswers waits until the API server calls the webhook and believes it: it is
// told of our certificate by a watch.
func (s *site) webhookAnswers(t *testing.T) {
	t.Helper()
	const probe = `apiVersion: dbtether.io/v1alpha1
kind: DBCluster
metadata: {name: probe}
spec: {endpoint: db, credentialsSecretRef: {name: admin, namespace: dbtether-system}}
`
	eventually(t, "the API server calls the webhook", func() error {
		said, err := s.run(probe, "create", "--dry-run=server", "-f", "-")
		if err != nil {
			return errors.New(said)
		}
		return nil
	})
}

func (s *site) provisions(t *testing.T) {
	s.kubectl(t, "wait", "--for=condition=Ready", "pod/postgres", "-n", "databases", "--timeout=120s")
	s.kubectl(t, "create", "namespace", "shop")
	s.kubectl(t, "label", "namespace", "shop", "dbtether.io/injection=enabled")
	if said, err := s.run(s.postgres.AdminPassword, "dbtether", "cluster", "add", "main", "-n", "dbtether-system",
		"--endpoint", "postgres.databases.svc", "--admin-username", s.postgres.Admin, "--admin-password", "-", "--allowed-namespaces", "shop"); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	mustContain(t, s.kubectl(t, "dbtether", "cluster", "check", "main"), "18.")
	mustContain(t, s.kubectl(t, "dbtether", "db", "create", "orders", "--cluster", "main", "--user", "orders-api", "-n", "shop"),
		"Database orders is ready, orders_api can log in")
}

func (s *site) psql(t *testing.T) {
	if _, err := exec.LookPath("psql"); err != nil {
		t.Skip("psql is not installed")
	}
	said := s.kubectl(t, "dbtether", "db", "psql", "orders", "-n", "shop", "--", "-Atc", "SELECT session_user, current_user, inet_client_addr()")
	mustContain(t, said, "orders_api|orders_owner|10.98.0.")
}

const (
	first  = "orders_api as orders_owner in orders"
	second = "orders_api_b as orders_owner in orders"
)

// loginBy is the command that logs in within a pod.
func loginBy(pod string, source ...string) []string {
	return append([]string{"exec", pod, "-n", "shop", "--", "/probe", "login"}, source...)
}

func (s *site) podLogsIn(t *testing.T) {
	s.apply(t, app(t, "app"))
	s.kubectl(t, "wait", "--for=condition=Ready", "pod/app", "-n", "shop", "--timeout=120s")
	s.eventuallySays(t, first, "logs", "app", "-n", "shop")
	s.eventuallySays(t, first, loginBy("app", "files", "orders-api")...)
	if got := s.kubectl(t, "get", "pod", "app", "-n", "shop", "-o", `jsonpath={.metadata.annotations.dbtether\.io/injected}`); got != "orders-api@1:env+files" {
		t.Errorf("the pod says it was given %q", got)
	}
	s.passwordIsNowhereElse(t)
}

// passwordIsNowhereElse looks for it where people look: in the pod, and in what the
// webhook logs when it logs all.
func (s *site) passwordIsNowhereElse(t *testing.T) {
	t.Helper()
	password := s.kubectl(t, "get", "secret", "orders-api-credentials", "-n", "shop", "-o", "go-template={{.data.password | base64decode}}")
	if len(password) < 16 {
		t.Fatalf("the Secret has a password of %d bytes", len(password))
	}
	logs := s.kubectl(t, "logs", "-n", "dbtether-system", "-l", "app.kubernetes.io/component=webhook", "--tail=-1")
	mustContain(t, logs, `"app"`)
	if strings.Contains(logs, password) || strings.Contains(s.kubectl(t, "get", "pod", "app", "-n", "shop", "-o", "yaml"), password) {
		t.Error("the password is in the pod or in the webhook's log")
	}
}

// rotates asks for no grace period, so that the running pod is all that the old login
// lives for.
func (s *site) rotates(t *testing.T) {
	s.kubectl(t, "patch", "databaseuser", "orders-api", "-n", "shop", "--type=merge", "-p", `{"spec":{"rotation":{"gracePeriod":"0s"}}}`)
	mustContain(t, s.kubectl(t, "dbtether", "user", "rotate", "orders-api", "-n", "shop"), "orders_api_b can log in")
	s.eventuallySays(t, second, loginBy("app", "files", "orders-api")...)
	s.kubectl(t, "dbtether", "reconcile", "-n", "shop")
	if got := s.logins(t); got != "orders_api orders_api_b" {
		t.Errorf("while the pod runs, the logins are %q", got)
	}
	s.eventuallySays(t, first, loginBy("app", "environment")...)
	s.kubectl(t, "delete", "pod", "app", "-n", "shop", "--timeout=60s")
	s.kubectl(t, "dbtether", "reconcile", "-n", "shop")
	if got := s.logins(t); got != "orders_api_b" {
		t.Errorf("when the pod is gone, the logins are %q", got)
	}
	s.apply(t, app(t, "app"))
	s.eventuallySays(t, second, "logs", "app", "-n", "shop")
}

func (s *site) jobCompletes(t *testing.T) {
	s.apply(t, read(t, "job.yaml"))
	s.kubectl(t, "wait", "--for=condition=Complete", "job/migrate", "-n", "shop", "--timeout=120s")
	mustContain(t, s.kubectl(t, "logs", "job/migrate", "-n", "shop"), second)
}

// restarts rotates the credential of a Deployment that has it in its environment: its
// pods are replaced, once, and not those of others.
func (s *site) restarts(t *testing.T) {
	s.kubectl(t, "dbtether", "user", "create", "web", "--database", "orders", "-n", "shop")
	s.apply(t, read(t, "web.yaml"))
	s.kubectl(t, "rollout", "status", "deployment/web", "-n", "shop", "--timeout=120s")
	s.eventuallySays(t, "web as web in orders", "logs", "deployment/web", "-n", "shop")
	mustContain(t, s.kubectl(t, "dbtether", "user", "rotate", "web", "--restart", "-n", "shop"), "deployment.apps/web restarted")
	s.kubectl(t, "rollout", "status", "deployment/web", "-n", "shop", "--timeout=120s")
	eventually(t, "only the new pod is there", func() error {
		if pods := s.kubectl(t, "get", "pods", "-n", "shop", "-l", "app=web", "-o", "name"); strings.Count(pods, "pod/") != 1 {
			return errors.New(pods)
		}
		return nil
	})
	s.eventuallySays(t, "web_b as web_b in orders", "logs", "deployment/web", "-n", "shop")
	s.kubectl(t, "dbtether", "reconcile", "-n", "shop")
	if got := s.kubectl(t, "get", "deployment", "web", "-n", "shop", "-o", "jsonpath={.metadata.generation}"); got != "2" {
		t.Errorf("the Deployment is of generation %s: it was restarted again, or not at all", got)
	}
	s.kubectl(t, "delete", "deployment", "web", "-n", "shop")
}

// clientsNoticeNothing rotates three times while clients log in, each time when the
// rotation before is over.
func (s *site) clientsNoticeNothing(t *testing.T) {
	const grace = 20 * time.Second
	s.kubectl(t, "dbtether", "user", "create", "steady", "--database", "orders", "-n", "shop")
	s.kubectl(t, "patch", "databaseuser", "steady", "-n", "shop", "--type=merge", "-p", fmt.Sprintf(`{"spec":{"rotation":{"gracePeriod":"%s"}}}`, grace))
	s.apply(t, read(t, "steady.yaml"))
	s.kubectl(t, "rollout", "status", "deployment/steady", "-n", "shop", "--timeout=120s")
	clients := []string{"libpq", "files", "sidecar"}
	wants := []string{"after N logins: steady as steady in orders"}
	if got := s.kubectl(t, "get", "pods", "-n", "shop", "-l", "app=steady", "-o", "jsonpath={.items[*].spec.initContainers[0].restartPolicy}"); got != "Always" {
		t.Errorf("the sidecar's restartPolicy is %q", got)
	}
	says := func(client string) error {
		said := regexp.MustCompile(`after [0-9]+ logins`).ReplaceAllString(s.kubectl(t, "logs", "deployment/steady", "-n", "shop", "-c", client), "after N logins")
		if strings.Contains(said, "FAILED") {
			t.Fatalf("%s:\n%s", client, said)
		}
		if want := strings.Join(wants, "\n"); said != want {
			return fmt.Errorf("%s says\n%s\nwant\n%s", client, said, want)
		}
		return nil
	}
	for _, login := range []string{"", "steady_b", "steady", "steady_b"} {
		if login != "" {
			rotated := time.Now()
			mustContain(t, s.kubectl(t, "dbtether", "user", "rotate", "steady", "-n", "shop"), login+" can log in")
			wants = append(wants, "after N logins: "+login+" as "+login+" in orders")
			time.Sleep(time.Until(rotated.Add(grace + time.Second)))
			s.kubectl(t, "dbtether", "reconcile", "-n", "shop")
			if got := s.loginsOf(t, `steady%`); got != login {
				t.Errorf("when the grace period is over, the logins are %q", got)
			}
		}
		for _, client := range clients {
			eventually(t, "the client "+client+" logs in", func() error { return says(client) })
		}
	}
	if restarts := s.kubectl(t, "get", "pods", "-n", "shop", "-l", "app=steady", "-o", "jsonpath={.items[*].status.containerStatuses[*].restartCount}"); restarts != "0 0" {
		t.Errorf("containers were restarted: %s", restarts)
	}
}

// runnerProvisions adds the runner to the installation. Somebody who may write our
// resources and read no Secret asks for a user, and is told when she has it.
func (s *site) runnerProvisions(t *testing.T) {
	s.install(t, "--runner", "watch")
	s.kubectl(t, "rollout", "status", "deployment/dbtether-runner", "-n", "dbtether-system", "--timeout=120s")
	for _, role := range []string{"dbtether-view", "dbtether-edit"} {
		s.kubectl(t, "create", "rolebinding", role, "-n", "shop", "--clusterrole="+role, "--user=developer")
	}
	for _, secret := range []string{"-n=dbtether-system", "-n=shop"} {
		if said, err := s.run("", "get", "secrets", secret, "--as=developer"); err == nil {
			t.Errorf("the developer reads Secrets: %s", said)
		}
	}
	mustContain(t, s.kubectl(t, "dbtether", "user", "create", "reports", "--database", "orders", "-n", "shop", "--as=developer"), "User reports is ready")
	if got := s.kubectl(t, "get", "databaseuser", "reports", "-n", "shop", "-o", "jsonpath={.status.phase}"); got != "Ready" {
		t.Errorf("the user is %s", got)
	}
}

// oneReplicaGoes deletes one as a drained node does: nobody is to notice.
func (s *site) oneReplicaGoes(t *testing.T) {
	replicas := strings.Fields(s.kubectl(t, "get", "pods", "-n", "dbtether-system", "-l", "app.kubernetes.io/component=webhook", "-o", "jsonpath={.items[*].metadata.name}"))
	s.kubectl(t, "delete", "pod", replicas[0], "-n", "dbtether-system", "--wait=false")
	manifest := app(t, "during")
	eventually(t, "the replica is gone", func() error {
		if said, err := s.run(manifest, "create", "--dry-run=server", "-f", "-"); err != nil {
			t.Fatalf("while a replica goes, a pod is refused: %s", said)
		}
		if _, err := s.run("", "get", "pod", replicas[0], "-n", "dbtether-system"); err == nil {
			return errors.New("it is still there")
		}
		return nil
	})
	s.kubectl(t, "rollout", "status", "deployment/dbtether-webhook", "-n", "dbtether-system", "--timeout=120s")
}

// oneReplicaIsKilled kills the process, so that nothing is said to the API server: until
// that notices, pods that ask for a credential may be refused, and no others.
func (s *site) oneReplicaIsKilled(t *testing.T) {
	restarts := func() string {
		return s.kubectl(t, "get", "pods", "-n", "dbtether-system", "-l", "app.kubernetes.io/component=webhook", "-o", "jsonpath={.items[*].status.containerStatuses[*].restartCount}")
	}
	killOne(t, "/webhook")
	plain := strings.ReplaceAll(read(t, "plain.yaml"), "NAME", "meanwhile")
	eventually(t, "the replica is started again", func() error {
		if said, err := s.run(plain, "create", "--dry-run=server", "-f", "-"); err != nil {
			t.Fatalf("while a replica is dead, a pod that asks for nothing is refused: %s", said)
		}
		if said := restarts(); said == "0 0" {
			return errors.New("no container was")
		}
		return nil
	})
	manifest := app(t, "afterwards")
	eventually(t, "pods are given credentials again", func() error {
		said, err := s.run(manifest, "create", "--dry-run=server", "-f", "-")
		if err != nil {
			return errors.New(said)
		}
		return nil
	})
	s.kubectl(t, "rollout", "status", "deployment/dbtether-webhook", "-n", "dbtether-system", "--timeout=120s")
}

// killOne kills one of the processes of a program. We see those of all pods: the node's
// process namespace is ours.
func killOne(t *testing.T, program string) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		line, err := os.ReadFile(file)
		if err != nil || !bytes.HasPrefix(line, []byte(program+"\x00")) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			t.Fatal(err)
		}
		process, err := os.FindProcess(pid)
		if err == nil {
			err = process.Kill()
		}
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatalf("no process of %s runs", program)
}

func (s *site) bothReplicasAreGone(t *testing.T) {
	s.kubectl(t, "scale", "deployment/dbtether-webhook", "-n", "dbtether-system", "--replicas=0")
	s.kubectl(t, "wait", "--for=delete", "pod", "-l", "app.kubernetes.io/component=webhook", "-n", "dbtether-system", "--timeout=120s")
	s.apply(t, strings.ReplaceAll(read(t, "plain.yaml"), "NAME", "plain"))
	s.kubectl(t, "wait", "--for=condition=Ready", "pod/plain", "-n", "shop", "--timeout=120s")
	said, err := s.run(app(t, "refused"), "create", "-f", "-")
	if err == nil {
		t.Fatal("without the webhook, a pod that asks for a credential starts")
	}
	mustContain(t, said, `NOT-INJECTED: pod "refused" in namespace "shop"`)
	// What runs goes on: nothing of ours stands between a pod and its database.
	s.eventuallySays(t, second, loginBy("app", "environment")...)
}

func (s *site) replicasAreBack(t *testing.T) {
	s.kubectl(t, "scale", "deployment/dbtether-webhook", "-n", "dbtether-system", "--replicas=2")
	s.kubectl(t, "rollout", "status", "deployment/dbtether-webhook", "-n", "dbtether-system", "--timeout=120s")
	s.webhookAnswers(t)
	s.apply(t, app(t, "again"))
	s.eventuallySays(t, second, "logs", "again", "-n", "shop")
}

func (s *site) uninstalls(t *testing.T) {
	s.kubectl(t, "dbtether", "uninstall", "--yes")
	for _, kind := range []string{"deployments,services,serviceaccounts", "validatingwebhookconfigurations,mutatingwebhookconfigurations,validatingadmissionpolicies,clusterroles"} {
		if left := s.kubectl(t, "get", kind, "-n", "dbtether-system", "-o", "name"); strings.Contains(left, "dbtether") {
			t.Errorf("these are left: %s", left)
		}
	}
	if got := s.kubectl(t, "get", "database", "orders", "-n", "shop", "-o", "jsonpath={.status.phase}"); got != "Ready" {
		t.Errorf("the Database is %q", got)
	}
	s.eventuallySays(t, second, loginBy("again", "environment")...)
}
