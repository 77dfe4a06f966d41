package plugin

import (
	"bytes"
	"context"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
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
