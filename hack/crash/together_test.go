package crash_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// together are two commands at the same time.
type together struct {
	name    string
	prepare func(*testing.T, *site)
	first   func(*site) []string
	second  func(*site) []string
	// once is whether they can do it one after the other only once: both wait then.
	once bool
	// check looks at what the two led to.
	check func(*testing.T, *site)
}

var pairs = []together{
	{name: "two that create the same", prepare: nothing, first: dbCreate, second: dbCreate, check: checkAdmin},
	{name: "two that create the same user", prepare: createTwoDatabases, first: userCreatePerDatabase("24h"), second: userCreatePerDatabase("24h"), check: checkPerDatabase},
	{name: "create and reconcile", prepare: applyResources, first: dbCreate, second: reconcile, check: checkAdmin},
	{name: "create and grant", prepare: created, first: dbCreate, second: grantOther("readwrite"), check: checkGrantedBeside},
	{name: "two grants", prepare: grantableTwice, first: grantOther("readwrite"), second: grantThird, check: checkBothGranted},
	{name: "two that revoke the same", once: true, prepare: revocable, first: revokeOther, second: revokeOther, check: checkRevoked},
	{name: "two rotations", once: true, prepare: createRotatable("24h", "Alternate"), first: userRotate, second: userRotate, check: checkAlternated},
	{name: "two rotations in place", once: true, prepare: createRotatable("24h", "InPlace"), first: userRotate, second: userRotate, check: checkReplaced},
	{name: "rotation and grant", prepare: rotatable, first: userRotate, second: grantOther("readonly"), check: checkRotatedAndGranted},
	{name: "reconcile and delete", prepare: createOwningUser, first: reconcile, second: userDelete, check: checkNoUser},
}

// TestTwoWritersAtOnce runs the two commands of each pair, twice: once they start
// together and go as they may, once both have read everything before either may write.
// Neither shows an error, and there is one result.
func TestTwoWritersAtOnce(t *testing.T) {
	e := newEnvironment(t)
	type round struct {
		together
		gated bool
	}
	var rounds []round
	for _, pair := range pairs {
		rounds = append(rounds, round{pair, pair.once}, round{pair, true})
	}
	each(rounds, func(r round) {
		name := strings.ReplaceAll(r.name, " ", "-")
		if r.gated {
			name += "-which-wait"
		}
		t.Run(name, func(t *testing.T) {
			s := newSite(t, e, false)
			s.ownAdmin(t)
			r.prepare(t, s)
			s.runTogether(t, r.gated, r.first(s), r.second(s))
			r.check(t, s)
			s.checkSettled(t)
		})
	})
}

// runTogether runs two commands at the same time; gated lets neither write before both
// wait for the lock of the database.
func (s *site) runTogether(t *testing.T, gated bool, commands ...[]string) {
	t.Helper()
	open := func() {}
	if gated {
		open = s.holdLock(t)
	}
	var both sync.WaitGroup
	for _, args := range commands {
		both.Go(func() {
			if r := s.run(t, args...); r.err != nil || r.stderr != "" {
				t.Error(r)
			}
		})
	}
	if gated {
		s.waitForWaiting(t, len(commands))
	}
	open()
	both.Wait()
}

// ownAdmin gives the site an administrator of its own, whose sessions can be told from
// those of others.
func (s *site) ownAdmin(t *testing.T) {
	t.Helper()
	s.admin = s.name + "_admin"
	s.execute(t, "postgres", fmt.Sprintf("CREATE ROLE %s SUPERUSER LOGIN PASSWORD '%s'", s.admin, foreignPassword))
	held := s.secret(t, adminSecret)
	held.StringData = map[string]string{"username": s.admin, "password": foreignPassword}
	if _, err := s.env.core.Secrets(s.name).Update(t.Context(), held, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// holdLock takes the lock of the site's database as a run does, and returns how to let
// it go.
func (s *site) holdLock(t *testing.T) (release func()) {
	t.Helper()
	server := s.env.postgres
	endpoint := postgres.Endpoint{Name: s.name, Host: server.Host, Port: int32(server.Port), SSLMode: "disable"}
	login := postgres.Login{Username: server.Superuser, Password: secret.NewValue([]byte(server.SuperuserPassword))}
	holder, err := postgres.Dial(t.Context(), endpoint, login, "postgres")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(holder.Close)
	if err := holder.Lock(t.Context(), []string{postgres.LockDatabase(s.databaseName()), postgres.LockRole(s.userName())}, nil); err != nil {
		t.Fatal(err)
	}
	return holder.Close
}

// waitForWaiting returns when that many sessions of the site's administrator ask for a
// lock.
func (s *site) waitForWaiting(t *testing.T, want int) {
	t.Helper()
	s.asSuperuser(t, "postgres", func(conn *pgx.Conn) {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		for {
			var waiting int
			err := conn.QueryRow(ctx, "SELECT count(*) FROM pg_stat_activity WHERE usename = $1 AND query LIKE '%pg_try_advisory_lock%'", s.admin).Scan(&waiting)
			if err != nil {
				t.Fatalf("%d runs do not wait for the lock: %v", want, err)
			}
			if waiting >= want {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	})
}

func grantOther(privileges string) func(*site) []string {
	return func(s *site) []string {
		return []string{"user", "grant", s.user, "--database", s.other(), "--privileges", privileges}
	}
}

func (s *site) third() string { return s.name + "-third" }

func grantThird(s *site) []string { return []string{"user", "grant", s.user, "--database", s.third()} }

func revokeOther(s *site) []string {
	return []string{"user", "revoke", s.user, "--database", s.other()}
}

// created makes a database with its user, and another one.
func created(t *testing.T, s *site) {
	s.mustRun(t, dbCreate(s)...)
	s.mustRun(t, "db", "create", s.other(), "--cluster", s.name, "--schema", "app")
	s.createTables(t)
}

func checkGrantedBeside(t *testing.T, s *site) {
	s.checkReady(t)
	s.checkRevisions(t, s.secretName(), 2)
	s.checkLogin(t, s.databaseName()+"_owner")
	s.checkMay(t, inPostgreSQL(s.other()), "SELECT", "INSERT", "UPDATE", "DELETE")
}

func grantableTwice(t *testing.T, s *site) {
	s.mustRun(t, "db", "create", s.third(), "--cluster", s.name, "--schema", "app")
	grantable(t, s)
}

// checkBothGranted expects that neither grant undid the other.
func checkBothGranted(t *testing.T, s *site) {
	s.checkReady(t)
	s.checkRevisions(t, s.secretName(), 3)
	s.checkMay(t, s.databaseName(), "SELECT")
	s.checkMay(t, inPostgreSQL(s.other()), "SELECT", "INSERT", "UPDATE", "DELETE")
	s.checkMay(t, inPostgreSQL(s.third()), "SELECT")
}

func rotatable(t *testing.T, s *site) {
	created(t, s)
	s.session = s.login(t)
}

// checkRotatedAndGranted expects both, in whatever order.
func checkRotatedAndGranted(t *testing.T, s *site) {
	s.checkReady(t)
	s.checkRevisions(t, s.secretName(), 3)
	s.checkLoginNames(t, s.userName(), s.second())
	live := s.secret(t, s.secretName())
	s.checkLoginTo(t, live, s.databaseName(), s.second(), s.databaseName()+"_owner")
	s.checkLoginTo(t, live, inPostgreSQL(s.other()), s.second(), s.second())
	s.checkLoginTo(t, s.revision(t, 1), s.databaseName(), s.userName(), s.databaseName()+"_owner")
	s.checkOldLogin(t, s.userName())
	if have := len(s.list(t, v1alpha1.DatabaseUsers)); have != 1 {
		t.Errorf("there are %d users", have)
	}
}
