package postgres_test

import (
	"context"
	"strings"
	"testing"

	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
)

const hostileComment = "the shop's \\ \"orders\"\r\n\n'; DROP DATABASE postgres; -- <uid> 🐘\n"

// inherited makes a database of another owner, with objects, and returns an
// application that adopts it.
func inherited(t *testing.T, f fixture) (app *application, shop string) {
	t.Helper()
	app = newApplication(t)
	db := app.db()
	db.Adopt, db.KeepPublicConnect, db.Extensions = true, true, []postgres.Extension{{Name: "pg_trgm", Schema: "app"}}
	shop = unique(t) + "_s"
	execute(t, f, "postgres", "CREATE ROLE "+shop, "CREATE DATABASE "+app.database+" OWNER "+shop+" CONNECTION LIMIT 33",
		"COMMENT ON DATABASE "+app.database+" IS '"+strings.ReplaceAll(hostileComment, "'", "''")+"'")
	execute(t, f, app.database, "GRANT CREATE ON SCHEMA public TO "+shop, "CREATE EXTENSION hstore", "SET ROLE "+shop, "CREATE TABLE public.old (id serial)", "CREATE SCHEMA legacy",
		"CREATE TABLE legacy.t (id int)", "CREATE VIEW legacy.v AS SELECT * FROM legacy.t")
	return app, shop
}

// shape is what adoption must leave as it was.
func shape(t *testing.T, f fixture, database string) string {
	t.Helper()
	conn := superuser(t, f, database)
	defer func() { _ = conn.Close(context.Background()) }()
	return value(t, conn, `SELECT concat_ws(E'\n',
		(SELECT concat_ws(' ', datdba::regrole, datconnlimit, has_database_privilege('public', oid, 'CONNECT'), has_database_privilege('public', oid, 'TEMPORARY')) FROM pg_database WHERE datname = current_database()),
		(SELECT string_agg(concat_ws(' ', nspname, nspowner::regrole, has_schema_privilege('public', oid, 'USAGE'), has_schema_privilege('public', oid, 'CREATE')), E'\n' ORDER BY nspname)
			FROM pg_namespace WHERE nspname IN ('public', 'legacy')),
		(SELECT string_agg(concat_ws(' ', c.oid::regclass, relowner::regrole), E'\n' ORDER BY c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
			WHERE nspname IN ('public', 'legacy')))`)
}

// TestAdopt takes over a database that others made: its owners, limits and comment
// stay, PUBLIC keeps what it had, and the logins may use what is there and what comes.
func TestAdopt(t *testing.T) {
	everywhere(t, func(t *testing.T, f fixture) {
		ctx, server := context.Background(), f.dial(t)
		app, shop := inherited(t, f)
		before := shape(t, f, app.database)
		app.db().Adopt = false
		if refused := app.refusal(t, server); !refused.Conflict() {
			t.Errorf("got %v", refused)
		}
		app.db().Adopt = true
		if !f.super {
			execute(t, f, "postgres", "REVOKE CONNECT ON DATABASE "+app.database+" FROM PUBLIC")
			refused := app.refusal(t, server)
			execute(t, f, "postgres", "GRANT CONNECT ON DATABASE "+app.database+" TO PUBLIC")
			fix := `GRANT "` + shop + `" TO "` + f.login.Username + `"`
			if refused.Hint() != "run: "+fix {
				t.Fatalf("got %v\n%s", refused, refused.Hint())
			}
			execute(t, f, "postgres", fix)
		}
		app.provision(t, server)
		app.settled(t, server)
		if after := shape(t, f, app.database); after != before {
			t.Errorf("before\n%s\nafter\n%s", before, after)
		}
		super := superuser(t, f, app.database)
		const comment = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()"
		marker := app.db().Marker
		if got, want := value(t, super, comment), marker.String()+marker.UID+"\n"+hostileComment; got != want {
			t.Errorf("the comment is %q, want %q", got, want)
		}
		execute(t, f, app.database, "SET ROLE "+shop, "CREATE TABLE public.later (id serial)", "CREATE SCHEMA later", "CREATE TABLE later.t (id int)")
		run(t, app.mustConnect(t, f, postgres.ReadOnly), "SELECT * FROM public.old", "SELECT * FROM legacy.v", "SELECT * FROM public.later", "SELECT * FROM later.t", "SELECT last_value FROM public.later_id_seq")
		run(t, app.mustConnect(t, f, postgres.ReadWrite), "INSERT INTO public.old DEFAULT VALUES", "INSERT INTO public.later DEFAULT VALUES")
		run(t, app.mustConnect(t, f, postgres.Admin), "TRUNCATE public.later", "CREATE TABLE legacy.more (id int)", "CREATE TABLE app.more (id int)", "CREATE TABLE later.more (id int)")
		run(t, app.mustConnect(t, f, postgres.ReadOnly), "SELECT * FROM legacy.more", "SELECT * FROM app.more", "SELECT * FROM later.more")
		if _, err := app.mustConnect(t, f, postgres.ReadOnly).Exec(ctx, "INSERT INTO public.old DEFAULT VALUES"); err == nil {
			t.Error("readonly may write")
		}
		app.settled(t, server)

		// The resource is made anew, and finds what its predecessor left.
		db := app.db()
		db.Marker.UID = "uid-successor"
		app.values.UIDs["Database "+marker.Resource] = "uid-successor"
		app.provision(t, server)
		app.settled(t, server)
		if got, want := value(t, super, comment), marker.String()+"uid-successor\n"+hostileComment; got != want {
			t.Errorf("the comment is %q, want %q", got, want)
		}
		db.ConnectionLimit, db.KeepPublicConnect = 40, false
		app.provision(t, server)
		app.settled(t, server)
		if n := count(t, f, app.database, "SELECT count(*) FROM pg_database WHERE datname = current_database() AND datconnlimit = 40 AND NOT has_database_privilege('public', oid, 'CONNECT')"); n != 1 {
			t.Error("limit or isolation that was asked for did not come")
		}
	})
}
