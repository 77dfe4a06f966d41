package plugin_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

// TestScripts runs the built plugin as `kubectl dbtether` against a real API
// server and a real PostgreSQL. Scripts run at the same time on the same servers,
// so each names what it makes after itself. A script finds
//
//	$ID             six letters of its own: databases are called orders-$ID, and
//	                orders_$ID in PostgreSQL; what ends so is dropped at its end
//	$NS             a namespace of its own, which its kubeconfig's context names;
//	                clusters, which have no namespace, are called $NS too
//	$DEV            a kubeconfig of the user dev-$ID, who may do nothing
//	$ORIGINAL       the folder of the dbtether operator's manifests, $RBAC of ours
//	kubectl         and the plugin, in PATH; $BIN is their folder
//	$PG_HOST …      the PostgreSQL server, see script_postgres_test.go
//
// and beside testscript's own commands
//
//	show FILE COMMAND ARG…     runs a command and appends to FILE what was typed
//	                           and seen, stderr and exit code included, without what
//	                           changes from run to run
//	plain STREAM               writes what the last command said to STREAM.txt,
//	                           without what changes from run to run
//	fill FILE…                 replaces $NAME in files
//	grant USER VERB RESOURCE…  lets a user do something in $NS
//	lacks                      see script_rights_test.go
//	cluster, sql, login, hold, held, state: see script_postgres_test.go
//
// UPDATE_SCRIPTS=1 rewrites the expected output of cmp.
func TestScripts(t *testing.T) {
	runScripts(t, "testdata/script", installed(t))
}

func runScripts(t *testing.T, dir string, p program) {
	postgres := scriptPostgreSQL{testenv.SharedPostgreSQL(t, 18)}
	testscript.Run(t, testscript.Params{
		Dir:                 dir,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		Setup: func(env *testscript.Env) error {
			id := suffix()
			return errors.Join(p.setup(env, id), postgres.setup(env, id))
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"cluster": cluster,
			"fill":    fill,
			"grant":   grant,
			"held":    direct("held"),
			"hold":    hold,
			"lacks":   lacks,
			"login":   direct("login"),
			"plain":   plain,
			"show":    show,
			"sql":     direct("sql"),
			"state":   state,
		},
	})
}

func (p program) setup(env *testscript.Env, id string) error {
	namespace, err := p.namespace(id)
	if err != nil {
		return err
	}
	root, err := testenv.Root()
	if err != nil {
		return err
	}
	nobody, err := p.server.KubeconfigFor("dev-"+id, "developers")
	if err != nil {
		return err
	}
	admin, dev := filepath.Join(env.WorkDir, ".admin"), filepath.Join(env.WorkDir, ".dev")
	env.Values[lackedKey{}] = &[]string{}
	env.Setenv("ID", id)
	env.Setenv("NS", namespace)
	env.Setenv("KUBECONFIG", admin)
	env.Setenv("DEV", dev)
	env.Setenv("ORIGINAL", filepath.Join(root, "pkg", "api", "v1alpha1", "testdata", "original"))
	env.Setenv("RBAC", filepath.Join(root, "manifests", "rbac"))
	env.Setenv("KUBE_CA", p.server.CAFile)
	env.Setenv("PATH", p.path())
	env.Setenv("BIN", p.bin)
	env.Setenv("HOME", env.WorkDir)
	env.Setenv("KUBECACHEDIR", filepath.Join(p.bin, "cache")) // what the API server offers, asked for once
	return errors.Join(p.kubeconfig(p.server.Kubeconfig, admin, namespace), p.kubeconfig(nobody, dev, namespace))
}

// grant lets a user do something: grant USER VERB RESOURCE… It returns when the API
// server, which reads roles a moment after they were written, knows it.
func grant(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: grant USER VERB RESOURCE...")
	}
	name := "grant-" + args[0] + "-" + args[1]
	ts.Check(ts.Exec("kubectl", "create", "role", name, "--verb="+args[1], "--resource="+strings.Join(args[2:], ",")))
	ts.Check(ts.Exec("kubectl", "create", "rolebinding", name, "--role="+name, "--user="+args[0]))
	verb, _, _ := strings.Cut(args[1], ",")
	for deadline := time.Now().Add(time.Minute); ts.Exec("kubectl", "auth", "can-i", "--quiet", "--as="+args[0], verb, args[2]) != nil; {
		if time.Now().After(deadline) {
			ts.Fatalf("after a minute the API server does not know that %s may %s %s", args[0], verb, args[2])
		}
	}
}

// fill replaces $NAME and ${NAME} in files by the script's variables.
func fill(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: fill FILE...")
	}
	for _, name := range args {
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(os.Expand(ts.ReadFile(name), ts.Getenv)), 0o644))
	}
}

// show runs a command, whatever it exits with, and appends a transcript to a file:
// what was typed, stdout, stderr after a line that says so, and the exit code
// unless it is 0.
func show(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: show FILE COMMAND ARG...")
	}
	file, command := args[0], args[1:]
	var typed []string
	for _, arg := range command {
		if strings.ContainsAny(arg, " \t\n;\"'*") || arg == "" {
			arg = "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
		}
		typed = append(typed, arg)
	}
	out, errOut, code := perform(ts, command)
	transcript := "$ " + strings.Join(typed, " ") + "\n" + ended(out)
	if errOut != "" {
		transcript += "[stderr]\n" + ended(errOut)
	}
	if code != 0 {
		transcript += "[exit code " + strconv.Itoa(code) + "]\n"
	}
	f, err := os.OpenFile(ts.MkAbs(file), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	ts.Check(err)
	_, err = f.WriteString(withoutChanging(ts, transcript))
	ts.Check(errors.Join(err, f.Close()))
}

func ended(text string) string {
	if text == "" || strings.HasSuffix(text, "\n") {
		return text
	}
	return text + "\n"
}

// perform runs one of this package's own commands, or a program.
func perform(ts *testscript.TestScript, command []string) (out, errOut string, code int) {
	if run, ok := queries[command[0]]; ok {
		rows, err := run(ts, command[1:])
		if err != nil {
			return rows, err.Error(), 1
		}
		return rows, "", 0
	}
	err := ts.Exec(command[0], command[1:]...)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		ts.Fatalf("%s: %v", command[0], err)
	}
	if exit != nil {
		code = exit.ExitCode()
	}
	return ts.ReadFile("stdout"), ts.ReadFile("stderr"), code
}

// plain writes stdout or stderr of the last command to stdout.txt or stderr.txt.
func plain(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: plain stdout|stderr")
	}
	text := withoutChanging(ts, ts.ReadFile(args[0]))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".txt"), bytes.TrimLeft([]byte(text), "\n"), 0o644))
}

var changing = []struct {
	pattern *regexp.Regexp
	plain   string
}{
	{regexp.MustCompile(`\b[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}`), "<time>"},
	{regexp.MustCompile(`\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`), "<time>"},
	{regexp.MustCompile(`(?m) \d+[smh](\d+[smh])?$`), " <age>"},
	{regexp.MustCompile(`(Kubernetes is )v[0-9]\S*`), "${1}v1.x"},
	{regexp.MustCompile(`(fingerprint"?: "?)[0-9a-f]{32}`), "${1}<fingerprint>"},
	{regexp.MustCompile(`\(\d+\.\d s\)`), "(0.1 s)"},
	{regexp.MustCompile(`\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b`), "<uid>"},
	{regexp.MustCompile(`\b[0-9a-f]{12}\b`), "rrrrrrrrrrrr"},     // the revision of a set of policies
	{regexp.MustCompile(`(@\d+/)[0-9a-f]{8}\b`), "${1}uuuuuuuu"}, // of which DatabaseUser a revision is
	{regexp.MustCompile(`(resourceVersion"?): "\d+"`), `$1: "<n>"`},
	{regexp.MustCompile(`(\bhash"?:? "?)[0-9a-f]{16}\b`), `$1<hash>`},
	// Other scripts register theirs.
	{regexp.MustCompile(`(registered clusters: )[a-z0-9.-]+(, [a-z0-9.-]+)*`), "$1…"},
}

// ages are those in the columns of a table, but the last.
var ages = regexp.MustCompile(`\b\d{1,2}s {2,}`)

// withoutChanging replaces what differs from run to run. What takes the place of
// a name has its length, so that tables keep their widths.
func withoutChanging(ts *testscript.TestScript, text string) string {
	for _, c := range changing {
		text = c.pattern.ReplaceAllString(text, c.plain)
	}
	text = ages.ReplaceAllStringFunc(text, func(age string) string { return "0s" + strings.Repeat(" ", len(age)-2) })
	id := ts.Getenv("ID")
	return strings.NewReplacer(
		ts.Getenv("NS"), "the-namespace", "dev-"+id, "dev", id, "suffix",
		ts.Getenv("WORK"), "WORK", ts.Getenv("BIN"), "BIN", ts.Getenv("PG_PORT"), "5432",
		"PostgreSQL "+ts.Getenv("PG_VERSION"), "PostgreSQL 18", ts.Getenv("PG_VERSION"), "18.x",
	).Replace(text)
}
