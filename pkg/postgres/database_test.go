package postgres_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
)

// everything asks for all that a database can have, as the version knows it.
func everything(t *testing.T, f fixture) *application {
	app := newApplication(t)
	db := app.db()
	db.Encoding, db.Collate, db.CType = "utf-8", "C", "C"
	switch {
	case f.server.Version >= 17:
		db.LocaleProvider, db.Locale = "builtin", "C.UTF-8"
	case f.server.Version >= 15:
		db.LocaleProvider, db.Locale = "icu", "de_AT"
	}
	db.ConnectionLimit, db.KeepPublicConnect, db.Schemas = 20, true, []string{"app", "Odd, name"}
	db.Extensions = []postgres.Extension{{Name: "pg_trgm"}, {Name: "hstore", Schema: "Odd, name", Version: "1.4"}}
	if f.super { // the server decides, and refuses others
		db.Extensions = append(db.Extensions, postgres.Extension{Name: "pg_buffercache", Schema: "app"})
		db.AllowedExtensions = []string{"pg_buffercache"}
	}
	db.Parameters = map[string]string{"search_path": `app,"Odd, name" , "$user"`, "work_mem": "7MB", "timezone": "Europe/Vienna", "DateStyle": "ISO, DMY",
		"application_name": `it's "\ 🐘`, "temp_tablespaces": ""}
	return app
}

// TestDatabaseWithEverything asks for everything at once: it comes about, a second
// plan is empty, and what is changed or no longer asked for follows.
func TestDatabaseWithEverything(t *testing.T) {
	everywhere(t, func(t *testing.T, f fixture) {
		server, app := f.dial(t), everything(t, f)
		app.provision(t, server)
		if w := app.settled(t, server); len(w) > 0 && f.server.Version > 14 {
			t.Errorf("warnings: %q", w)
		}
		reader := app.mustConnect(t, f, postgres.ReadOnly)
		for setting, want := range map[string]string{"search_path": `app, "Odd, name", "$user"`, "work_mem": "7MB", "TimeZone": "Europe/Vienna", "DateStyle": "ISO, DMY",
			"temp_tablespaces": `""`, "lc_collate": "C"} {
			if setting == "lc_collate" && f.server.Version >= 16 { // the setting is gone
				continue
			}
			if got := value(t, reader, "SELECT current_setting($1)", setting); got != want {
				t.Errorf("%s is %q, want %q", setting, got, want)
			}
		}
		db := app.db()
		delete(db.Parameters, "work_mem")
		db.Parameters["search_path"], db.ResetParameters = "", []string{"work_mem", "timezone"}
		db.Extensions[1].Version = "1.8"
		plan := app.provision(t, server)
		if text := plan.SQL("postgres"); !strings.Contains(text, `RESET "work_mem"`) || !strings.Contains(text, "UPDATE TO '1.8'") || len(plan.Steps) != 4 {
			t.Errorf("got\n%s", text)
		}
		app.settled(t, server)
		db.LocaleProvider, db.Locale, db.Encoding, db.Collate = "", "", "SQL_ASCII", "POSIX"
		refused := app.refusal(t, server)
		if want := `has encoding "UTF8", spec asks for "SQL_ASCII"`; !strings.HasSuffix(refused.Error(), want) {
			t.Errorf("got %v", refused)
		}
		nonsense := newApplication(t)
		nonsense.db().LocaleProvider, nonsense.db().Locale = "icu", "xx-nonsense"
		if refused := nonsense.refusal(t, server); f.server.Version >= 15 && !strings.Contains(refused.Error(), `knows no language "xx"`) {
			t.Errorf("got %v", refused)
		}
	})
}

// TestForeignObjects checks that what a login or a superuser created as itself is
// usable after the next run, or warned of.
func TestForeignObjects(t *testing.T) {
	everywhere(t, func(t *testing.T, f fixture) {
		ctx, server, app := context.Background(), f.dial(t), newApplication(t)
		app.provision(t, server)
		owner := app.mustConnect(t, f, postgres.Admin)
		run(t, owner, "GRANT CREATE ON SCHEMA app TO "+app.loginOf(postgres.Admin), "SET ROLE NONE", "CREATE SCHEMA own", "CREATE TABLE own.t (id serial)", "CREATE TABLE app.mine (id int)")
		execute(t, f, app.database, "CREATE TABLE app.root (id int)", "CREATE TABLE app.root2 (id int)")
		if _, err := app.mustConnect(t, f, postgres.ReadOnly).Exec(ctx, "SELECT * FROM own.t"); err == nil {
			t.Error("the table is readable before the run")
		}
		plan := app.provision(t, server)
		if risk := slices.IndexFunc(plan.Steps, func(s postgres.Step) bool { return s.Risk != postgres.Safe }); risk >= 0 {
			t.Errorf("%v is not safe", plan.Steps[risk])
		}
		warnings := app.settled(t, server)
		run(t, app.mustConnect(t, f, postgres.ReadOnly), "SELECT * FROM own.t", "SELECT last_value FROM own.t_id_seq", "SELECT * FROM app.mine")
		run(t, app.mustConnect(t, f, postgres.ReadWrite), "INSERT INTO own.t DEFAULT VALUES", "DELETE FROM own.t")
		run(t, app.mustConnect(t, f, postgres.Admin), "TRUNCATE own.t", "CREATE TABLE own.t2 (id int)", "SELECT nextval('own.t_id_seq')")
		if _, err := app.mustConnect(t, f, postgres.ReadOnly).Exec(ctx, "DELETE FROM own.t"); err == nil {
			t.Error("readonly may delete")
		}
		if n := count(t, f, "postgres", `SELECT count(*) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid JOIN pg_roles a ON a.oid = m.member
			JOIN pg_roles g ON g.oid = m.grantor WHERE r.rolname = $1 AND a.rolname = $2 AND (g.rolname = $2 OR $3)`, app.loginOf(postgres.Admin), f.login.Username, f.server.Version < 16); n != 0 {
			t.Error("the admin stayed a member of the login")
		}
		_, err := app.mustConnect(t, f, postgres.ReadOnly).Exec(ctx, "SELECT * FROM app.root")
		warned := slices.ContainsFunc(warnings, func(w string) bool {
			return strings.Contains(w, `"postgres"`) && strings.Contains(w, `GRANT SELECT ON TABLE "app"."root", "app"."root2" TO`)
		})
		if (err == nil) != f.super || warned == f.super {
			t.Errorf("a superuser's table: %v, warnings %q", err, warnings)
		}
	})
}

// TestTemplate copies a template with objects of several owners: all of them are
// usable at once, and a second plan is empty.
func TestTemplate(t *testing.T) {
	everywhere(t, func(t *testing.T, f fixture) {
		ctx, server, app := context.Background(), f.dial(t), newApplication(t)
		base, maker := unique(t)+"_b", unique(t)+"_m"
		app.db().Template = base
		if refused := app.refusal(t, server); !strings.Contains(refused.Error(), "does not exist") {
			t.Errorf("got %v", refused)
		}
		admin, err := pgx.Connect(ctx, f.server.URL(f.login.Username, f.login.Password.Reveal(), "postgres"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = admin.Close(ctx) }()
		run(t, admin, "CREATE ROLE "+maker, "CREATE DATABASE "+base)
		inside, err := pgx.Connect(ctx, f.server.URL(f.login.Username, f.login.Password.Reveal(), base))
		if err != nil {
			t.Fatal(err)
		}
		run(t, inside, "CREATE TABLE public.a (id serial)", "CREATE EXTENSION pg_trgm")
		_ = inside.Close(ctx)
		execute(t, f, base, "GRANT CREATE ON DATABASE "+base+" TO "+maker, "SET ROLE "+maker, "CREATE SCHEMA made", "CREATE TABLE made.t (id serial)", "RESET ROLE", "CREATE TABLE made.root (id int)")
		if refused := app.refusal(t, server); !strings.Contains(refused.Error(), "not marked as a template") {
			t.Errorf("got %v", refused)
		}
		run(t, admin, "ALTER DATABASE "+base+" IS_TEMPLATE true")
		waitForNoSessions(t, f, base)
		app.provision(t, server)
		warnings := app.settled(t, server)
		run(t, app.mustConnect(t, f, postgres.ReadOnly), "SELECT * FROM public.a", "SELECT * FROM made.t", "SELECT last_value FROM made.t_id_seq")
		run(t, app.mustConnect(t, f, postgres.ReadWrite), "INSERT INTO public.a DEFAULT VALUES", "INSERT INTO made.t DEFAULT VALUES")
		run(t, app.mustConnect(t, f, postgres.Admin), "TRUNCATE made.t", "CREATE TABLE made.more (id int)", "CREATE TABLE app.more (id int)")
		if warned := strings.Contains(fmt.Sprint(warnings), `"made"."root"`); warned == f.super {
			t.Errorf("warnings: %q", warnings)
		}
		execute(t, f, "postgres", "ALTER DATABASE "+base+" IS_TEMPLATE false")
	})
}

// TestMissingDatabase renames and drops a database behind our back.
func TestMissingDatabase(t *testing.T) {
	on18(t, func(t *testing.T, f fixture) {
		server, app := f.dial(t), newApplication(t)
		reference := newApplication(t)
		reference.database, reference.desired.Databases, reference.desired.Logins = app.database, slices.Clone(app.desired.Databases), nil
		reference.db().ReferenceOnly = true
		if refused := reference.refusal(t, server); !strings.Contains(refused.Error(), "is not provisioned so far") {
			t.Errorf("got %v", refused)
		}
		app.provision(t, server)
		app.db().Provisioned = true
		app.settled(t, server)
		reference.settled(t, server)
		waitForNoSessions(t, f, app.database)
		execute(t, f, "postgres", "ALTER DATABASE "+app.database+" RENAME TO "+app.database+"_x")
		refused := app.refusal(t, server)
		if !strings.Contains(refused.Error(), "was renamed to") {
			t.Errorf("got %v", refused)
		}
		fix, _, _ := strings.Cut(strings.TrimPrefix(refused.Hint(), "run: "), ";")
		execute(t, f, "postgres", fix)
		app.settled(t, server)
		waitForNoSessions(t, f, app.database)
		execute(t, f, "postgres", "DROP DATABASE "+app.database)
		if refused := app.refusal(t, server); !strings.Contains(refused.Error(), "was deleted by somebody else") {
			t.Errorf("got %v", refused)
		}
		app.db().Recreate = true
		app.provision(t, server)
		app.settled(t, server)
	})
}
