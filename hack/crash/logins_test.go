package crash_test

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	corev1 "k8s.io/api/core/v1"

	"github.com/dbtether/kubectl-dbtether/hack/crash"
	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// connect opens a session with what a Secret holds, in another database than its own
// where one is named.
func connect(ctx context.Context, from *corev1.Secret, database string) (*pgx.Conn, error) {
	uri, err := url.Parse(string(from.Data["uri"]))
	if err != nil {
		return nil, err
	}
	if database != "" {
		uri.Path = "/" + database
	}
	return pgx.Connect(ctx, uri.String())
}

// watchLogins looks after each lasting write, while its process waits for the answer,
// whether the passwords of all live Secrets work.
func (s *site) watchLogins(t *testing.T, c command) {
	if c.deletes {
		return
	}
	s.journal.Observe(func(w crash.Write) { s.checkLiveLogins(t, c, "after "+w.What) })
}

// checkLiveLogins logs in with each live Secret, as an application does that starts
// now.
func (s *site) checkLiveLogins(t *testing.T, c command, when string) {
	t.Helper()
	all := s.secrets(t)
	for i := range all {
		live := &all[i]
		if live.Type == v1alpha1.SecretTypeRevision {
			continue
		}
		err := s.try(t, live)
		if newest := newestOf(live.Name, all); err != nil && c.gap && newest != nil {
			err = s.try(t, newest)
		}
		if err != nil {
			t.Errorf("%s, secret %s at revision %s: %v", when, live.Name, live.Annotations[v1alpha1.AnnotationRevision], err)
		}
	}
}

// try logs in with a Secret, which may be one that dbtether did not write: it then
// has a user name and a password only.
func (s *site) try(t *testing.T, with *corev1.Secret) error {
	if len(with.Data["uri"]) == 0 {
		uri := url.URL{Scheme: "postgres", User: url.UserPassword(string(with.Data["username"]), string(with.Data["password"])),
			Host: net.JoinHostPort(s.postgres.Host, strconv.Itoa(s.postgres.Port)), Path: "/postgres", RawQuery: "sslmode=disable"}
		with = &corev1.Secret{Data: map[string][]byte{"uri": []byte(uri.String())}}
	}
	conn, err := connect(t.Context(), with, "")
	if err != nil {
		return err
	}
	return conn.Close(t.Context())
}

// newestOf returns the newest revision of a Secret; nil: it has none.
func newestOf(name string, all []corev1.Secret) *corev1.Secret {
	var newest *corev1.Secret
	last := 0
	for i := range all {
		number, err := strconv.Atoi(strings.TrimPrefix(all[i].Name, name+".v"))
		if err == nil && number > last {
			newest, last = &all[i], number
		}
	}
	return newest
}

// revision returns a revision of the user's Secret.
func (s *site) revision(t *testing.T, number int) *corev1.Secret {
	t.Helper()
	return s.secret(t, fmt.Sprintf("%s.v%d", s.secretName(), number))
}

// checkRefused expects that a password opens nothing any more.
func (s *site) checkRefused(t *testing.T, with *corev1.Secret) {
	t.Helper()
	if s.try(t, with) == nil {
		t.Errorf("secret %s still opens a session", with.Name)
	}
}

// checkLoginNames expects that these of the user's roles can log in, and that there
// are no others.
func (s *site) checkLoginNames(t *testing.T, want ...string) {
	t.Helper()
	have := s.names(t, "SELECT CASE WHEN rolcanlogin THEN rolname ELSE rolname || ' (closed)' END FROM pg_roles WHERE starts_with(rolname, $1) ORDER BY 1", s.userName())
	if fmt.Sprint(have) != fmt.Sprint(want) {
		t.Errorf("the logins are %v: want %v", have, want)
	}
}
