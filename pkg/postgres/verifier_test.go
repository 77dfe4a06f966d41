package postgres_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"testing"

	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// TestServerStoresVerifiers checks that whatever secret.IsVerifier accepts is stored
// as it stands, on every version, and that a password logs in with its verifier.
func TestServerStoresVerifiers(t *testing.T) {
	password := secret.NewValue([]byte(` !"#$%&'()*+,-./:;<=>?@[\]^_{|}~` + "`"))
	ours, err := secret.Verifier(rand.Reader, password)
	if err != nil {
		t.Fatal(err)
	}
	b64 := func(n int) string { return base64.StdEncoding.EncodeToString(make([]byte, n)) }
	form := func(iterations, salt int) secret.Value {
		return secret.NewValue(fmt.Appendf(nil, "SCRAM-SHA-256$%d:%s$%s:%s", iterations, b64(salt), b64(32), b64(32)))
	}
	for _, version := range versions {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			f := newFixture(t, version, false)
			name := unique(t)
			execute(t, f, "postgres", "CREATE ROLE "+name+" LOGIN")
			for _, v := range []secret.Value{form(1000, 1), form(4096, 16), form(100000, 17), form(4096, 64), ours} {
				if !secret.IsVerifier(v) {
					t.Fatalf("IsVerifier refuses %s", v.Reveal())
				}
				execute(t, f, "postgres", "ALTER ROLE "+name+" PASSWORD '"+v.Reveal()+"'")
				if n := count(t, f, "postgres", "SELECT count(*) FROM pg_authid WHERE rolname = $1 AND rolpassword = $2", name, v.Reveal()); n != 1 {
					t.Errorf("%s is not stored as it stands", v.Reveal())
				}
			}
			works, err := postgres.PasswordWorks(context.Background(), f.endpoint, postgres.Login{Username: name, Password: password}, "postgres")
			if err != nil || !works {
				t.Errorf("the password does not log in: %v, %v", works, err)
			}
		})
	}
}
