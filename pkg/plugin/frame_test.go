package plugin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

func TestArguments(t *testing.T) {
	cases := []struct{ args, want []string }{
		{nil, nil},
		{[]string{"/bin/kubectl-dbtether", "db", "list"}, []string{"db", "list"}},
		{[]string{"/bin/kubectl_complete-dbtether", "db", "l"}, []string{"__complete", "db", "l"}},
		{[]string{"kubectl_complete-dbtether.exe", ""}, []string{"__complete", ""}},
	}
	for _, c := range cases {
		if got := arguments(c.args); !reflect.DeepEqual(got, c.want) {
			t.Errorf("arguments(%q) = %q, want %q", c.args, got, c.want)
		}
	}
}

// Every command says what it does and completes the names of what there is, and how to use
// it wrongly is an error of usage, not a run.
func TestEveryCommand(t *testing.T) {
	streams, _, _, _ := genericiooptions.NewTestIOStreams()
	var visit func(*cobra.Command)
	visit = func(cmd *cobra.Command) {
		if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%s: Short is %q", cmd.CommandPath(), cmd.Short)
		}
		if cmd.Run != nil {
			t.Errorf("%s has Run: its errors would not be returned", cmd.CommandPath())
		}
		if isNew := cmd.Name() == "create" || cmd.Name() == "add"; strings.Contains(cmd.Use, "NAME") && !isNew && cmd.ValidArgsFunction == nil {
			t.Errorf("%s does not complete names", cmd.CommandPath())
		}
		args := slices.Concat(strings.Fields(cmd.CommandPath())[1:], []string{"--no-such-flag"})
		out, errOut := &bytes.Buffer{}, &bytes.Buffer{}
		code := Main(context.Background(), args, &bytes.Buffer{}, out, errOut, "v0")
		if code != ExitUsage || out.Len() > 0 || !strings.HasPrefix(errOut.String(), "error: unknown flag: --no-such-flag\nhint:  ") {
			t.Errorf("%s: code %d, stdout %q, stderr %q", cmd.CommandPath(), code, out, errOut)
		}
		cmd.LocalFlags().VisitAll(func(flag *pflag.Flag) {
			if shared := cmd.Root().PersistentFlags().Lookup(flag.Name); cmd.HasParent() && shared != nil && shared != flag && flag.Name != "cluster" && flag.Name != "user" {
				t.Errorf("%s: --%s takes kubectl's own flag of that name away", cmd.CommandPath(), flag.Name)
			}
		})
		for _, child := range cmd.Commands() {
			visit(child)
		}
	}
	visit(New(NewEnvironment(streams, "v0")))
}

func TestReport(t *testing.T) {
	streams, _, out, errOut := genericiooptions.NewTestIOStreams()
	env := NewEnvironment(streams, "v0")
	code := env.report(Hinted(errors.New("first\nsecond"), "do\nthis"))
	want := "error: first\n       second\nhint:  do\n       this\n"
	if code != ExitFailed || out.Len() > 0 || errOut.String() != want {
		t.Errorf("code %d, stdout %q, stderr\n%s", code, out, errOut)
	}
}

// The failures of an apply agree on an exit code, or it is 1.
func TestFailures(t *testing.T) {
	denied, failed := withExitCode(errors.New("denied"), ExitDenied), errors.New("failed")
	cases := []struct {
		failures []error
		total    int
		want     int
	}{
		{[]error{denied}, 1, ExitDenied},
		{[]error{denied, denied}, 3, ExitDenied},
		{[]error{denied, failed}, 3, ExitFailed},
	}
	for _, c := range cases {
		streams, _, _, errOut := genericiooptions.NewTestIOStreams()
		f := failures{env: NewEnvironment(streams, "v0"), total: c.total}
		for _, err := range append(c.failures, nil) {
			f.add(err)
		}
		if got := explain(f.summary()).code; got != c.want {
			t.Errorf("%v of %d: code %d, want %d", c.failures, c.total, got, c.want)
		}
		if printed := strings.Count(errOut.String(), "error: "); printed != len(c.failures) && c.total > 1 || printed > 0 && c.total == 1 {
			t.Errorf("%v of %d: printed %q", c.failures, c.total, errOut)
		}
	}
	if err := (&failures{total: 3}).summary(); err != nil {
		t.Error(err)
	}
}

func TestDryRun(t *testing.T) {
	for _, way := range []string{"", "yes", noWay} {
		if err := (&dryRun{}).Set(way); err == nil {
			t.Errorf("--dry-run=%s is taken", way)
		}
	}
	d := &dryRun{}
	if err := d.Set("server"); err != nil || !d.server() || d.client() || d.said("created") != "created (server dry run)" {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestSecretValue(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("from file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cases := []struct{ argument, stdin, want, stderr string }{
		{"-", "secret\n", "secret", ""},
		{"-", "secret\r\n", "secret", ""},
		{"-", "two\n\n", "two\n", ""},
		{"-", "bare", "bare", ""},
		{"@" + file, "", "from file\n", ""},
		{"visible", "", "visible", "warning: --password on the command line"},
	}
	for _, c := range cases {
		streams, in, _, errOut := genericiooptions.NewTestIOStreams()
		in.WriteString(c.stdin)
		got, err := NewEnvironment(streams, "v0").secretValue(t.Context(), "password", c.argument, "Password")
		if err != nil || got != c.want || !strings.HasPrefix(errOut.String(), c.stderr) || (c.stderr == "") != (errOut.Len() == 0) {
			t.Errorf("%q with stdin %q: %q, %v, stderr %q", c.argument, c.stdin, got, err, errOut)
		}
	}
}

// Nothing is shown, and nobody is asked, where there is no terminal.
func TestWithoutTerminal(t *testing.T) {
	streams, in, out, errOut := genericiooptions.NewTestIOStreams()
	in.WriteString("main\n")
	env := NewEnvironment(streams, "v0")
	progress := env.newProgress()
	progress.step("working")
	progress.done()
	if explained := explain(env.confirmName(t.Context(), "Remove it", "main", false)); explained.code != ExitUsage || explained.hint != "add --yes" {
		t.Errorf("%+v", explained)
	}
	if err := env.confirmName(t.Context(), "Remove it", "main", true); err != nil {
		t.Error(err)
	}
	if out.Len()+errOut.Len() > 0 {
		t.Errorf("stdout %q, stderr %q", out, errOut)
	}
}

// The progress line is shorter than the terminal is wide, however narrow that is.
func TestProgressWidth(t *testing.T) {
	for width, want := range map[int]string{1: "…", 2: "…", 4: "wo…", 8: "working"} {
		var out bytes.Buffer
		(&progress{out: &out, width: width}).step("working")
		if got := strings.TrimPrefix(out.String(), "\r\x1b[K"); got != want {
			t.Errorf("%d columns: %q, want %q", width, got, want)
		}
	}
}

func TestOutcome(t *testing.T) {
	object := func(text string) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: parse(t, text)}
	}
	before := object("{metadata: {labels: {a: b}, resourceVersion: '1'}, spec: {c: d}, status: {e: f}}")
	cases := []struct {
		before, after *unstructured.Unstructured
		want          string
	}{
		{nil, before, "created"},
		{before, object("{metadata: {labels: {a: b}, resourceVersion: '2'}, spec: {c: d}, status: {}}"), "unchanged"},
		{before, object("{metadata: {labels: {a: x}}, spec: {c: d}}"), "configured"},
		{before, object("{metadata: {labels: {a: b}}, spec: {c: x}}"), "configured"},
	}
	for _, c := range cases {
		if got := outcome(c.before, c.after); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

func TestInstallCompleter(t *testing.T) {
	program := filepath.Join(t.TempDir(), "kubectl-dbtether")
	if err := os.WriteFile(program, []byte("binary"), 0o755); err != nil {
		t.Fatal(err)
	}
	// An older link is replaced.
	target := filepath.Join(filepath.Dir(program), completer)
	if err := os.Symlink("gone", target); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{target + " links to " + program, target + " is there already"} {
		if said, err := installCompleter(program, "", "linux"); err != nil || said != want {
			t.Errorf("got %q, %v, want %q", said, err, want)
		}
	}
	// What is no link is not ours.
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, completer), nil, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := installCompleter(program, other, "linux"); err == nil || !strings.HasPrefix(explain(err).hint, "see what that file is") {
		t.Errorf("a file that is there already: %v", err)
	}
	// Windows has no links for everyone: a copy.
	dir := t.TempDir()
	if _, err := installCompleter(program, dir, "windows"); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, completer+".exe")); err != nil || string(text) != "binary" {
		t.Errorf("%q, %v", text, err)
	}
}

func equalJSON(t *testing.T, a, b any) bool {
	t.Helper()
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	if errX != nil || errY != nil {
		t.Fatal(errX, errY)
	}
	return bytes.Equal(x, y)
}

// drift's exit code 1 means that something differs: whoever is interrupted has not found
// that out.
func TestInterruptedDrift(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	var out, errOut bytes.Buffer
	args := []string{"kubectl-dbtether", "drift", "--server", "http://127.0.0.1:1", "-n", "shop"}
	if code := Main(ctx, args, &bytes.Buffer{}, &out, &errOut, "v0"); code != exitUnread || errOut.String() != "error: interrupted\n" {
		t.Errorf("code %d, stderr %q", code, errOut.String())
	}
}
