package plugin_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// talkative lets a server log all that it can be made to log of statements.
var talkative = map[string]string{
	"log_statement": "all", "log_min_duration_statement": "0", "log_min_messages": "debug1", "log_min_error_statement": "debug5", "log_error_verbosity": "verbose",
	"log_parameter_max_length": "-1", "log_parameter_max_length_on_error": "-1", "log_connections": "on", "log_disconnections": "on",
}

// TestNoPasswordIsTold runs every command that touches PostgreSQL, those that fail
// included, against servers that log everything, and then looks for each password that
// any Secret or revision ever held, and for the administrator's: in the servers' logs,
// in what the commands said, and in all resources, events and annotations.
func TestNoPasswordIsTold(t *testing.T) {
	for _, c := range []struct {
		version int
		super   bool
	}{{14, false}, {18, true}} {
		t.Run(fmt.Sprint(c.version), func(t *testing.T) {
			t.Parallel()
			l := newListener(t, c.version, c.super)
			l.provision(t)
			l.rotate(t)
			l.repair(t)
			l.adopt(t)
			l.takeAway(t)
			l.check(t)
		})
	}
}

const (
	wrongPassword  = "wrongPasswordOfTheAdministrator"
	legacyPassword = "legacyPasswordOfTheAdoptedLogin"
)

// provision registers the server in each way, and makes databases and users.
func (l *listener) provision(t *testing.T) {
	cluster, endpoint := l.namespace, fmt.Sprintf(" --endpoint %s --port %d", l.postgres.Host, l.postgres.Port)
	l.run(t, 1, "cluster add "+cluster+"-wrong --admin-username "+l.admin+" --admin-password "+wrongPassword+endpoint)
	l.run(t, 1, "cluster check "+cluster+"-wrong")
	l.run(t, 1, "cluster add "+cluster+"-environment --credentials-from-env NO_USER,NO_PASSWORD"+endpoint)
	l.stdin = l.adminPassword
	l.run(t, 0, "cluster add "+cluster+" --admin-username "+l.admin+" --admin-password -"+endpoint)
	for _, command := range []string{"check", "check -o json", "describe", "update --ssl-mode require"} {
		l.run(t, 0, "cluster "+command+" "+cluster)
	}
	l.run(t, 0, "db create orders --schema app --user orders-api --dry-run=server --cluster "+cluster)
	l.run(t, 0, "db create orders --schema app --user orders-api --cluster "+cluster)
	l.run(t, 0, "db create invoices --deletion-policy Delete -o yaml --cluster "+cluster)
	l.run(t, 1, "db create broken --template template0 --encoding LATIN1 --lc-collate no_SUCH --cluster "+cluster)
	l.run(t, 0, "db delete broken --yes")
	l.run(t, 1, "db create broken --extension no_such_extension --cluster "+cluster)
	l.run(t, 0, "user create reports --database orders --dry-run=server -o json")
	l.run(t, 0, "user create reports --database orders --setting work_mem=8MB --format PG")
	l.run(t, 0, "user create inplace --database orders=readwrite --rotation-strategy InPlace -o yaml")
	l.run(t, 0, "user create each --database orders --database invoices=admin --secret-per-database")
	l.run(t, 1, "user create second --username orders_api --database orders") // it is another user's
	l.run(t, 0, "user grant reports --database invoices --privileges readwrite")
	l.run(t, 0, "user grant reports --database orders --table app.bills --on-table INSERT")
	for _, command := range []string{"db list", "db describe orders", "user list", "user describe reports", "db plan orders", "db plan orders -o json"} {
		l.run(t, 0, command)
	}
}

// rotate replaces passwords in both ways, and fails to.
func (l *listener) rotate(t *testing.T) {
	l.run(t, 0, "user rotate orders-api")
	l.run(t, 1, "user rotate orders-api") // the grace period is not over
	l.run(t, 0, "user rotate orders-api --force")
	l.run(t, 0, "user rotate inplace")
	l.run(t, 0, "user rotate each")
	l.failing(t, "inplace", "user rotate inplace")
	l.run(t, 0, "user rotate inplace")
	l.run(t, 0, "reconcile")
	l.run(t, 0, "reconcile --quick -o yaml")
}

// repair lets somebody change what stands, and mends it.
func (l *listener) repair(t *testing.T) {
	l.super(t, "ALTER ROLE reports PASSWORD NULL", "ALTER ROLE inplace NOLOGIN", "GRANT CONNECT ON DATABASE orders TO PUBLIC")
	l.run(t, 1, "drift")
	l.run(t, 1, "drift -o yaml")
	l.run(t, 0, "db plan orders")
	l.run(t, 0, "reconcile")
	l.run(t, 0, "drift")
	kubectl(t, l.program, l.kubeconfig, "delete", "secret", "reports-credentials")
	l.run(t, 0, "reconcile -o json")
	kubectl(t, l.program, l.kubeconfig, "patch", "secret", "reports-credentials", "--type=merge", "-p", `{"stringData":{"host":"elsewhere"}}`)
	l.run(t, 0, "reconcile db/orders user/reports")
}

// adopt takes over a database and a login with the password of its Secret.
func (l *listener) adopt(t *testing.T) {
	verifier, err := secret.Verifier(rand.Reader, secret.NewValue([]byte(legacyPassword)))
	if err != nil {
		t.Fatal(err)
	}
	l.super(t, "CREATE ROLE legacy LOGIN PASSWORD '"+verifier.Reveal()+"'", "CREATE DATABASE legacy OWNER "+l.admin)
	kubectl(t, l.program, l.kubeconfig, "create", "secret", "generic", "legacy", "--from-literal=username=legacy", "--from-literal=password="+legacyPassword)
	manifests := filepath.Join(t.TempDir(), "legacy.yaml")
	if err := os.WriteFile(manifests, []byte(strings.ReplaceAll(legacyManifests, "CLUSTER", l.namespace)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"apply --dry-run=server -f ", "apply -f "} {
		l.run(t, 1, command+manifests) // the user who may not have the Secret fails
	}
	if live := kubectl(t, l.program, l.kubeconfig, "get", "secret", "legacy", "-o", "jsonpath={.data.password}"); live != base64.StdEncoding.EncodeToString([]byte(legacyPassword)) {
		t.Error("the Secret was not taken over with its password")
	}
}

const legacyManifests = `
apiVersion: dbtether.io/v1alpha1
kind: Database
metadata: {name: legacy}
spec: {clusterRef: {name: CLUSTER}, adopt: true}
---
apiVersion: dbtether.io/v1alpha1
kind: DatabaseUser
metadata: {name: legacy}
spec: {databaseRef: {name: legacy}, adopt: true, privileges: readwrite, secretTemplate: {name: legacy, onConflict: Merge}}
---
apiVersion: dbtether.io/v1alpha1
kind: DatabaseUser
metadata: {name: thief}
spec: {databaseRef: {name: legacy}, secretTemplate: {name: legacy}}
`

// takeAway takes databases from users, lets one expire, and deletes.
func (l *listener) takeAway(t *testing.T) {
	kubectl(t, l.program, l.kubeconfig, "delete", "databaseuser", "thief", "--wait=false")
	l.run(t, 0, "reconcile")
	l.run(t, 0, "user revoke reports --database invoices")
	l.run(t, 0, "user revoke reports --database orders --table app.bills")
	kubectl(t, l.program, l.kubeconfig, "patch", "databaseuser", "inplace", "--type=merge", "-p", `{"spec":{"expiresAt":"2020-01-01T00:00:00Z"}}`)
	l.run(t, 0, "reconcile")
	l.run(t, 1, "db delete invoices --yes") // it has a user
	l.run(t, 0, "user delete each --yes --dry-run=server")
	l.run(t, 0, "user delete each --yes")
	session, err := pgx.Connect(t.Context(), l.postgres.URL(l.admin, l.adminPassword, "invoices"))
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close(context.Background())
	l.run(t, 1, "db delete invoices --yes")
	l.run(t, 0, "db delete invoices --yes --force")
	for _, user := range []string{"reports", "inplace", "orders-api", "legacy"} {
		l.run(t, 0, "user delete --yes "+user)
	}
	for _, command := range []string{"db delete --yes orders", "db delete --yes legacy", "cluster remove --yes " + l.namespace} {
		l.run(t, 0, command)
	}
}

// failing runs a command whose ALTER ROLE … PASSWORD of a role fails in the middle: the
// server logs the statement as one that failed.
func (l *listener) failing(t *testing.T, role, command string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	holder, err := pgx.Connect(ctx, l.postgres.SuperuserURL(""))
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Close(context.Background())
	if _, err := holder.Exec(ctx, "BEGIN; ALTER ROLE "+role+" CONNECTION LIMIT 3"); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		l.run(t, 1, command)
	}()
	canceller, err := pgx.Connect(ctx, l.postgres.SuperuserURL(""))
	if err != nil {
		t.Fatal(err)
	}
	defer canceller.Close(context.Background())
	for cancelled := false; !cancelled; {
		err := canceller.QueryRow(ctx, `SELECT coalesce(bool_or(pg_cancel_backend(pid)), false) FROM pg_stat_activity
			WHERE wait_event_type = 'Lock' AND query LIKE 'ALTER ROLE%PASSWORD%' AND pid <> pg_backend_pid()`).Scan(&cancelled)
		if err != nil {
			t.Fatalf("nothing waits to change the password: %v", err)
		}
		time.Sleep(20 * time.Millisecond)
	}
	<-ended
}

var verifiers = regexp.MustCompile(`SCRAM-SHA-256\$4096:([A-Za-z0-9+/=]+)\$[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+`)

// check looks for the passwords. The log must hold a verifier of each that was
// generated, once at least in a statement that failed, and the values of parameters:
// otherwise nothing would be shown.
func (l *listener) check(t *testing.T) {
	log := l.serverLog(t)
	if len(l.passwords) < 12 {
		t.Errorf("there were only %d passwords", len(l.passwords))
	}
	set := map[string]bool{}
	for _, found := range verifiers.FindAllStringSubmatch(log, -1) {
		set[found[0]] = true
	}
	for password, where := range l.passwords {
		if password != wrongPassword && password != l.postgres.AdminPassword && password != l.postgres.SuperuserPassword && !verifies(t, set, password) {
			t.Errorf("the log has no verifier of the password of %s", where)
		}
	}
	for _, want := range []string{`STATEMENT:  ALTER ROLE "inplace" PASSWORD 'SCRAM-SHA-256$`, "arameters: $1 = ", "ERROR: ", "LOG:  00000: connection authorized"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log does not say %q", want)
		}
	}
	api, err := os.ReadFile(l.server.LogFile)
	if err != nil {
		t.Fatal(err)
	}
	for place, text := range map[string]string{"the server's log": log, "the API server's log": string(api), "what a command said": l.said.String(), "a resource": l.seen.String()} {
		for password, where := range l.passwords {
			if strings.Contains(text, password) || strings.Contains(text, base64.StdEncoding.EncodeToString([]byte(password))) {
				t.Errorf("%s holds the password of %s", place, where)
			}
		}
	}
}

// verifies reports whether one of the verifiers is of the password.
func verifies(t *testing.T, set map[string]bool, password string) bool {
	t.Helper()
	for verifier := range set {
		salt, err := base64.StdEncoding.DecodeString(verifiers.FindStringSubmatch(verifier)[1])
		if err != nil {
			t.Fatal(err)
		}
		same, err := secret.Verifier(bytes.NewReader(salt), secret.NewValue([]byte(password)))
		if err == nil && same.Reveal() == verifier {
			return true
		}
	}
	return false
}
