package inject_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/dbtether/kubectl-dbtether/pkg/inject"
)

const prefix = "dbtether.io/"

func TestParse(t *testing.T) {
	orders := []inject.UserAsk{{Name: "orders-api"}}
	both := []inject.UserAsk{{Name: "orders-api"}, {Name: "analytics-ro", Alias: "reports"}}
	for _, c := range []struct {
		name        string
		annotations map[string]string
		want        *inject.Ask
	}{
		{"no annotations", nil, nil},
		{"others' annotations", map[string]string{"example.com/inject": "x", "dbtether.io": "x", "dbtether.io.example.com/x": "y"}, nil},
		{"user", map[string]string{"inject": "orders-api"}, &inject.Ask{Users: orders, As: "both"}},
		{"what the webhook wrote", map[string]string{"inject": "orders-api", "injected": "orders-api@3:env"}, &inject.Ask{Users: orders, As: "both"}},
		{"alias", map[string]string{"inject": "reports=analytics-ro"}, &inject.Ask{Users: both[1:], As: "both"}},
		{"two users", map[string]string{"inject": "orders-api,reports=analytics-ro"}, &inject.Ask{Users: both, As: "both"}},
		{"white space", map[string]string{"inject": " orders-api ,\n reports = analytics-ro\n", "as": " env\n"}, &inject.Ask{Users: both, As: "env"}},
		{"name with dots", map[string]string{"inject": "team.orders"}, &inject.Ask{Users: []inject.UserAsk{{Name: "team.orders"}}, As: "both"}},
		{"files", map[string]string{"inject": "orders-api", "as": "files"}, &inject.Ask{Users: orders, As: "files"}},
		{"both", map[string]string{"inject": "orders-api", "as": "both"}, &inject.Ask{Users: orders, As: "both"}},
		{"variables", map[string]string{"inject": "orders-api,reports=analytics-ro", "env": "DATABASE_URL=uri, REPORTS_URL = reports.jdbc-uri"},
			&inject.Ask{Users: both, As: "both", Env: []inject.EnvAsk{{Variable: "DATABASE_URL", Key: "uri"}, {Variable: "REPORTS_URL", Alias: "reports", Key: "jdbc-uri"}}}},
		{"a standard variable that is free", map[string]string{"inject": "reports=analytics-ro", "env": "PGHOST=reports.host"},
			&inject.Ask{Users: both[1:], As: "both", Env: []inject.EnvAsk{{Variable: "PGHOST", Alias: "reports", Key: "host"}}}},
		{"a standard variable beside files", map[string]string{"inject": "orders-api", "as": "files", "env": "PGHOST=host"},
			&inject.Ask{Users: orders, As: "files", Env: []inject.EnvAsk{{Variable: "PGHOST", Key: "host"}}}},
		{"libpq", map[string]string{"inject": "orders-api", "as": "libpq", "env": "PGHOST=host"},
			&inject.Ask{Users: orders, As: "libpq", Env: []inject.EnvAsk{{Variable: "PGHOST", Key: "host"}}}},
		{"all about files", map[string]string{"inject": "orders-api", "as": "files", "files": "user=username", "path": " /etc/database/ ", "file-mode": " 440 ", "optional": "true"},
			&inject.Ask{Users: orders, As: "files", Files: []inject.FileAsk{{Name: "user", Key: "username"}}, Root: "/etc/database", Mode: 0o440, Optional: true}},
		{"not optional", map[string]string{"inject": "orders-api", "optional": "false"}, &inject.Ask{Users: orders, As: "both"}},
		{"nothing wanted", map[string]string{"inject": "none"}, nil},
		{"a user called none", map[string]string{"inject": "x=none"}, &inject.Ask{Users: []inject.UserAsk{{Name: "none", Alias: "x"}}, As: "both"}},
		{"restarts", map[string]string{"inject": "orders-api", "on-rotate": "restart", "restarted-for": "orders-api@4"}, &inject.Ask{Users: orders, As: "both"}},
		{"pool size", map[string]string{"inject": "orders-api", "pool-size": " 10000 "}, &inject.Ask{Users: orders, As: "both", PoolSize: 10000}},
		{"containers", map[string]string{"inject": "orders-api", "containers": "app, migrate"}, &inject.Ask{Users: orders, As: "both", Containers: []string{"app", "migrate"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			ask, problems := inject.Parse(prefixed(c.annotations))
			if len(problems) > 0 || !reflect.DeepEqual(ask, c.want) {
				t.Errorf("got %+v, problems %v", ask, problems)
			}
		})
	}
}

func TestParseProblems(t *testing.T) {
	const (
		inVain  = " does nothing without dbtether.io/inject: add dbtether.io/inject with the name of a DatabaseUser, or remove this annotation"
		keys    = `the keys are host, port, database, username, password, uri, jdbc-uri and sslmode`
		forms   = `the forms are env, files, both and libpq`
		onAPod  = `; a pod may have dbtether.io/inject, as, env, files, path, file-mode, optional, containers, pool-size and on-rotate`
		notUser = `use its metadata.name: lower case letters, digits, "-" and "."`
		notItem = `write VARIABLE=key, as in "DATABASE_URL=uri"`
		aliased = `write alias=user, as in "reports=analytics-ro"`
		aNumber = "write how many connections each pod opens at most, from 1 to 10000"
		example = `name one of the pod's namespace, as in "orders-api"`
	)
	inVain2 := strings.TrimPrefix(inVain, " ")
	for _, c := range []struct {
		name        string
		annotations map[string]string
		want        []string
	}{
		{"inject empty", map[string]string{"inject": " "}, []string{"inject: names no DatabaseUser: " + example}},
		{"inject with empty items", map[string]string{"inject": "orders-api,,"}, []string{
			`inject: item 2 of "orders-api,," is empty: remove the comma that is too many`,
			`inject: item 3 of "orders-api,," is empty: remove the comma that is too many`}},
		{"inject too long", map[string]string{"inject": strings.Repeat("a,", 64) + "a"}, []string{"inject: has 65 items: name at most 64"}},
		{"inject of no name", map[string]string{"inject": "Orders_API"}, []string{`inject: "Orders_API" is not the name of a DatabaseUser: ` + notUser}},
		{"inject of a path", map[string]string{"inject": "../orders"}, []string{`inject: "../orders" is not the name of a DatabaseUser: ` + notUser}},
		{"inject of another namespace", map[string]string{"inject": "shop/orders"}, []string{`inject: "shop/orders" is not the name of a DatabaseUser: ` + notUser}},
		{"inject of a huge name", map[string]string{"inject": strings.Repeat("x", 254)}, []string{
			`inject: "` + strings.Repeat("x", 64) + `"… is not the name of a DatabaseUser: ` + notUser}},
		{"alias of a wrong form", map[string]string{"inject": "Reports=analytics-ro,1=b,a_b=c"}, []string{
			`inject: "Reports" is not an alias: use lower case letters, digits and "-", a letter first, at most 31 characters`,
			`inject: "1" is not an alias: use lower case letters, digits and "-", a letter first, at most 31 characters`,
			`inject: "a_b" is not an alias: use lower case letters, digits and "-", a letter first, at most 31 characters`}},
		{"alias of 32 characters", map[string]string{"inject": strings.Repeat("a", 32) + "=b"}, []string{
			`inject: "` + strings.Repeat("a", 32) + `" is not an alias: use lower case letters, digits and "-", a letter first, at most 31 characters`}},
		{"alias or user missing", map[string]string{"inject": "=a,b=,c=d=e"}, []string{
			`inject: "=a" is not a user with an alias: ` + aliased,
			`inject: "b=" is not a user with an alias: ` + aliased,
			`inject: "c=d=e" is not a user with an alias: ` + aliased}},
		{"user twice", map[string]string{"inject": "orders-api,reports=orders-api"}, []string{
			`inject: user "orders-api" is there twice: name it once; dbtether.io/env gives further variables`}},
		{"alias twice", map[string]string{"inject": "r=a,r=b"}, []string{`inject: alias "r" is there twice: give each user its own alias`}},
		{"two without alias", map[string]string{"inject": "a,b"}, []string{
			`inject: neither "a" nor "b" has an alias: give one of them an alias, as in "reports=b"`}},
		{"alias like the other user", map[string]string{"inject": "orders,orders=analytics"}, []string{
			`inject: alias "orders" is the name of the user without alias: choose another alias: both would be files in the same directory`}},

		{"as misspelt", map[string]string{"inject": "a", "as": "file"}, []string{`as: "file" is not a form: write "files"; ` + forms}},
		{"as in upper case", map[string]string{"inject": "a", "as": "ENV"}, []string{`as: "ENV" is not a form: write "env"; ` + forms}},
		{"as spelt out", map[string]string{"inject": "a", "as": "env,files"}, []string{`as: "env,files" is not a form: write "both"`}},
		{"as empty", map[string]string{"inject": "a", "as": ""}, []string{`as: "" is not a form: write env, files, both or libpq, or remove the annotation, which means both`}},

		{"env empty", map[string]string{"inject": "a", "env": ""}, []string{"env: names no variable: " + notItem}},
		{"env without a key", map[string]string{"inject": "a", "env": "URL,B=,=uri"}, []string{
			`env: "URL" is not a variable with a key: ` + notItem,
			`env: "B=" is not a variable with a key: ` + notItem,
			`env: "=uri" is not a variable with a key: ` + notItem}},
		{"env of a wrong name", map[string]string{"inject": "a", "env": "1URL=uri, A B=uri"}, []string{
			`env: "1URL" is not the name of a variable: use letters, digits, "_", "-" and ".", no digit first`,
			`env: "A B" is not the name of a variable: use letters, digits, "_", "-" and ".", no digit first`}},
		{"env twice", map[string]string{"inject": "a", "env": "URL=uri,URL=host"}, []string{`env: variable "URL" is there twice: name it once`}},
		{"env of an unknown key", map[string]string{"inject": "a", "env": "A=url,B=user,C=jdbc-url,D=zzzzzzzzz"}, []string{
			`env: "url" is not a key of a credential: write "uri"; ` + keys,
			`env: "user" is not a key of a credential: write "username"; ` + keys,
			`env: "jdbc-url" is not a key of a credential: write "jdbc-uri"; ` + keys,
			`env: "zzzzzzzzz" is not a key of a credential: ` + keys}},
		{"env of a standard variable", map[string]string{"inject": "a,r=b", "env": "PGHOST=host,R_PGPORT=r.port"}, []string{
			`env: variable "PGHOST" is injected anyway: choose another name, or remove it`,
			`env: variable "R_PGPORT" is injected anyway: choose another name, or remove it`}},
		{"env of the root", map[string]string{"inject": "a", "env": "SERVICE_BINDING_ROOT=host"}, []string{
			`env: variable "SERVICE_BINDING_ROOT" is the directory of the bindings: choose another name`}},
		{"env of an unknown alias", map[string]string{"inject": "a,reports=b", "env": "X=report.uri"}, []string{
			`env: no user has the alias "report": write "X=reports.uri"`}},
		{"env of an alias unlike any", map[string]string{"inject": "a,reports=b", "env": "X=yyyyyyy.uri"}, []string{
			`env: no user has the alias "yyyyyyy": the aliases are reports`}},
		{"env of an alias where none is", map[string]string{"inject": "a", "env": "X=main.uri"}, []string{
			`env: no user has the alias "main": write "X=uri"`}},
		{"env of a user", map[string]string{"inject": "team.a,reports=b", "env": "X=b.uri,Y=team.a.host"}, []string{
			`env: "b" is a user, not an alias: write "X=reports.uri"`,
			`env: "team.a" is a user, not an alias: write "Y=host"`}},
		{"env without alias where all have one", map[string]string{"inject": "reports=b", "env": "X=uri"}, []string{
			`env: "X=uri" names no alias, and every user has one: write "X=reports.uri"`}},

		{"containers empty", map[string]string{"inject": "a", "containers": ""}, []string{
			`containers: names no container: name containers, as in "app,migrate", or remove the annotation, which means all`}},
		{"containers of a wrong name", map[string]string{"inject": "a", "containers": "App,app,app"}, []string{
			`containers: "App" is not the name of a container: use lower case letters, digits and "-", at most 63 characters`,
			`containers: container "app" is there twice: name it once`}},

		{"pool size empty", map[string]string{"inject": "a", "pool-size": ""}, []string{`pool-size: "" is not a number of connections: ` + aNumber}},
		{"pool size 0", map[string]string{"inject": "a", "pool-size": "0"}, []string{`pool-size: "0" is not a number of connections: ` + aNumber}},
		{"pool size of too many", map[string]string{"inject": "a", "pool-size": "10001"}, []string{`pool-size: "10001" is not a number of connections: ` + aNumber}},
		{"pool size in words", map[string]string{"inject": "a", "pool-size": "20 each"}, []string{`pool-size: "20 each" is not a number of connections: ` + aNumber}},

		{"without inject", map[string]string{"as": "env", "env": "A=uri", "containers": "app", "pool-size": "5"}, []string{
			"as: " + inVain2, "env: " + inVain2, "containers: " + inVain2, "pool-size: " + inVain2}},
		{"unknown annotations", map[string]string{"injcet": "a", "container": "app", "qqqqqqqqqqq": "", "Env": "A=uri", "": ""}, []string{
			": is not an annotation of a pod: remove it" + onAPod,
			"Env: is not an annotation of a pod: write dbtether.io/env",
			"container: is not an annotation of a pod: write dbtether.io/containers",
			"injcet: is not an annotation of a pod: write dbtether.io/inject",
			"qqqqqqqqqqq: is not an annotation of a pod: remove it" + onAPod}},
		{"files beside variables only", map[string]string{"inject": "a", "as": "env", "files": "x=uri", "path": "/x", "file-mode": "0440"}, []string{
			`files: is about files, and dbtether.io/as is "env": write files, both or libpq into dbtether.io/as, or remove this annotation`,
			`path: is about files, and dbtether.io/as is "env": write files, both or libpq into dbtether.io/as, or remove this annotation`,
			`file-mode: is about files, and dbtether.io/as is "env": write files, both or libpq into dbtether.io/as, or remove this annotation`}},
		{"files", map[string]string{"inject": "a", "files": "x, ../y=uri, x=uri, x=host, password=uri, z=urj, w=b.uri"}, []string{
			`files: "x" is not a file with a key: write file=key, as in "user=username"`,
			`files: "../y" is not the name of a file: use letters, digits, "_", "-" and ".", and neither "-" nor "." first`,
			`files: file "x" is there twice: name it once`,
			`files: file "password" is there anyway: choose another name, or remove it`,
			`files: "urj" is not a key of a credential: write "uri"; the keys are host, port, database, username, password, uri, jdbc-uri and sslmode`,
			`files: no user has the alias "b": write "w=uri"`}},
		{"path", map[string]string{"inject": "a", "path": "data"}, []string{notPath(`"data"`)}},
		{"path of the root", map[string]string{"inject": "a", "path": "/"}, []string{notPath(`"/"`)}},
		{"path upwards", map[string]string{"inject": "a", "path": "/a/../b"}, []string{notPath(`"/a/../b"`)}},
		{"path with a variable", map[string]string{"inject": "a", "path": "/a/$(B)"}, []string{notPath(`"/a/$(B)"`)}},
		{"mode in decimal", map[string]string{"inject": "a", "file-mode": "288"}, []string{notMode(`"288"`)}},
		{"mode that nobody reads", map[string]string{"inject": "a", "file-mode": "0040"}, []string{notMode(`"0040"`)}},
		{"mode with a sticky bit", map[string]string{"inject": "a", "file-mode": "1440"}, []string{notMode(`"1440"`)}},
		{"optional", map[string]string{"inject": "a", "optional": "yes"}, []string{`optional: "yes" is neither true nor false: write "true", or remove the annotation`}},
		{"variables of libpq", map[string]string{"inject": "a", "as": "libpq", "env": "PGSERVICE=host,PGHOST=host"}, []string{
			`env: variable "PGSERVICE" is injected anyway: choose another name, or remove it`}},
		{"on-rotate", map[string]string{"inject": "a", "on-rotate": "Restart"}, []string{`on-rotate: "Restart" is nothing that can be done: write "restart", or remove the annotation`}},
		{"on-rotate alone", map[string]string{"on-rotate": "restart"}, []string{
			"on-rotate: does nothing without dbtether.io/inject: add dbtether.io/inject with the name of a DatabaseUser, or remove this annotation"}},
		{"nothing wanted", map[string]string{"inject": " none ", "as": "env"}, []string{
			"as: does nothing without dbtether.io/inject: add dbtether.io/inject with the name of a DatabaseUser, or remove this annotation"}},
		{"all at once", map[string]string{"inject": "A", "as": "x", "env": "A", "containers": "-", "incect": ""}, []string{
			`inject: "A" is not the name of a DatabaseUser: ` + notUser,
			`as: "x" is not a form: write env, files, both or libpq, or remove the annotation, which means both`,
			`env: "A" is not a variable with a key: ` + notItem,
			`containers: "-" is not the name of a container: use lower case letters, digits and "-", at most 63 characters`,
			"incect: is not an annotation of a pod: write dbtether.io/inject"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			ask, problems := inject.Parse(prefixed(c.annotations))
			var got, want []string
			for _, problem := range problems {
				got = append(got, problem.Error())
			}
			for _, line := range c.want {
				want = append(want, prefix+line)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			if inject, asked := c.annotations["inject"]; (asked && strings.TrimSpace(inject) != "none") != (ask != nil) {
				t.Errorf("ask %+v", ask)
			}
		})
	}
}

func notPath(text string) string {
	return "path: " + text + ` is not a directory for credentials: write an absolute path of letters, digits, "_", "-" and ".", as in "/etc/database"`
}

func notMode(text string) string {
	return "file-mode: " + text + ` is not the mode of a file: write a mode in octal with which its owner may read, as in "0440"`
}

// An annotation reaches a webhook before its size was checked.
func TestParseHugeAnnotations(t *testing.T) {
	huge := strings.Repeat("é", 1<<20)
	annotations := prefixed(map[string]string{"inject": huge, "as": huge, "env": huge + "=" + huge, "containers": huge, huge: huge})
	for i := range 1000 {
		annotations[prefix+strings.Repeat("y", i+1)] = ""
	}
	_, problems := inject.Parse(annotations)
	size := 0
	for _, problem := range problems {
		size += len(problem.Error())
	}
	if len(problems) < 10 || size > 64<<10 {
		t.Errorf("%d problems, %d bytes", len(problems), size)
	}
}

func TestReserved(t *testing.T) {
	if problems := inject.Reserved(prefixed(map[string]string{"inject": "a", "zzz": ""})); problems != nil {
		t.Errorf("%v", problems)
	}
	problems := inject.Reserved(prefixed(map[string]string{"injected": "orders-api@3:env+files"}))
	want := `dbtether.io/injected: "orders-api@3:env+files" was not written by the webhook: remove it: it says what was injected and is set at admission`
	if len(problems) != 1 || problems[0].Error() != want {
		t.Errorf("%v, want %s", problems, want)
	}
}

// prefixed turns the short keys into ours, and leaves those with a domain.
func prefixed(short map[string]string) map[string]string {
	annotations := map[string]string{}
	for key, value := range short {
		if !strings.Contains(key, "dbtether.io") && !strings.Contains(key, "/") {
			key = prefix + key
		}
		annotations[key] = value
	}
	return annotations
}
