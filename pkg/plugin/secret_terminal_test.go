package plugin_test

import (
	"io"
	"strings"
	"testing"
	"time"
)

// shown runs a command in a terminal and returns what a person sees.
func shown(t *testing.T, p program, kubeconfig string, wantCode int, args ...string) string {
	t.Helper()
	seen, code := inTerminal(t, p, kubeconfig, append([]string{"dbtether"}, args...)...).end()
	if code != wantCode {
		t.Errorf("%v: exit code %d, want %d:\n%s", args, code, wantCode, seen)
	}
	return seen
}

// TestSecretOnATerminal sets, shows and deletes a Secret as a person at a terminal does: no
// value is seen unless it is asked for.
func TestSecretOnATerminal(t *testing.T) {
	p, _, kubeconfig := session(t)

	x := inTerminal(t, p, kubeconfig, "dbtether", "secret", "set", "app", "TOKEN")
	x.expect("TOKEN: ")
	x.send("canary-7\n")
	seen, code := x.end()
	if code != 0 || strings.Contains(seen, "canary-7") || !strings.HasSuffix(seen, "secret/app created, revision 1: +TOKEN\n") {
		t.Errorf("set: code %d, got\n%s", code, seen)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"secret", "get", "app"}, "KEY     BYTES   VALUE\nTOKEN   8       ********\n"},
		{[]string{"secret", "get", "app", "TOKEN"}, "KEY     BYTES   VALUE\nTOKEN   8       ********\n"},
		{[]string{"secret", "get", "app", "--show-secrets"}, "KEY     BYTES   VALUE\nTOKEN   8       canary-7\n"},
		{[]string{"secret", "get", "app", "TOKEN", "--show-secrets"}, "canary-7\n"},
	} {
		if seen := shown(t, p, kubeconfig, 0, c.args...); seen != c.want {
			t.Errorf("%v shows\n%s", c.args, seen)
		}
	}
	for _, args := range [][]string{{"secret", "list"}, {"secret", "history", "app"}, {"secret", "copy", "app", "--to-name", "web"}, {"secret", "diff", "app", "web"}, {"secret", "usage", "app"},
		{"secret", "rotate", "app", "GENERATED"}, {"secret", "expire", "app", "--in", "90d"}, {"secret", "rollback", "app"}, {"secret", "delete", "web", "--yes"}, {"secret", "undelete", "web"}} {
		if seen := shown(t, p, kubeconfig, 0, args...); strings.Contains(seen, "canary-7") {
			t.Errorf("%v shows the value:\n%s", args, seen)
		}
	}

	x = inTerminal(t, p, kubeconfig, "dbtether", "secret", "delete", "app")
	x.expect("Delete secret \"app\"?\r\nType app to confirm: ")
	x.send("no\n")
	if seen, code := x.end(); code != 1 || !strings.Contains(seen, `error: "no" is not "app": nothing was done`) {
		t.Errorf("delete, not confirmed: code %d, got\n%s", code, seen)
	}
	x = inTerminal(t, p, kubeconfig, "dbtether", "secret", "delete", "app", "--purge")
	x.expect("and its 3 revisions for good?\r\nType app to confirm: ")
	x.send("app\n")
	if seen, code := x.end(); code != 0 || !strings.HasSuffix(seen, "secret/app deleted\n") {
		t.Errorf("delete: code %d, got\n%s", code, seen)
	}
}

// TestPurgeIsOfWhatWasAsked lets a colleague write while the question waits for its answer:
// what she wrote is not deleted before somebody is asked about it.
func TestPurgeIsOfWhatWasAsked(t *testing.T) {
	p, namespace, kubeconfig := session(t)
	for _, value := range []string{"A=1", "A=2", "A=3"} {
		kubectl(t, p, kubeconfig, "dbtether", "secret", "set", "app", value)
	}
	purge := func(question string, meanwhile func()) (seen string, code int) {
		t.Helper()
		x := inTerminal(t, p, kubeconfig, "dbtether", "secret", "delete", "app", "--purge")
		x.expect(question + " for good?\r\nType app to confirm: ")
		meanwhile()
		x.send("app\n")
		return x.end()
	}
	seen, code := purge("and its 3 revisions", func() {
		kubectl(t, p, kubeconfig, "dbtether", "secret", "set", "app", "A=4", "--as", "bob", "--as-group", "system:masters")
	})
	want := "error: secret \"app\" in namespace \"" + namespace + "\" was changed meanwhile: revision 4 was written\n" +
		"hint:  look at it (kubectl dbtether secret history app -n " + namespace + "), and run the command again if it is to go nevertheless\n"
	if code != 1 || !strings.HasSuffix(seen, want) {
		t.Errorf("code %d, got\n%s\nwant\n%s", code, seen, want)
	}
	if got := kubectl(t, p, kubeconfig, "dbtether", "secret", "get", "app", "A", "--show-secrets"); got != "4" {
		t.Errorf("it holds %q", got)
	}
	if left := kubectl(t, p, kubeconfig, "get", "secrets", "-l", "dbtether.io/revision-of=app", "-o", "name"); strings.Count(left, "\n") != 4 {
		t.Errorf("its revisions are\n%s", left)
	}
	if seen, code := purge("and its 4 revisions", func() {}); code != 0 || !strings.HasSuffix(seen, "secret/app deleted\n") {
		t.Errorf("asked again: code %d, got\n%s", code, seen)
	}
}

// TestInterruptedPromptOfAValue ends at Ctrl-C with nothing written.
func TestInterruptedPromptOfAValue(t *testing.T) {
	p, _, kubeconfig := session(t)
	x := inTerminal(t, p, kubeconfig, "dbtether", "secret", "set", "app", "TOKEN")
	x.expect("TOKEN: ")
	x.send("half")
	ended := make(chan struct{})
	go func() { // until the terminal takes it for a signal, which it does once it hides what is typed
		for {
			_, _ = io.WriteString(x.file, "\x03")
			select {
			case <-ended:
				return
			case <-time.After(3 * time.Second):
			}
		}
	}()
	seen, code := x.end()
	close(ended)
	if code != 1 || strings.Contains(seen, "half") || !strings.HasSuffix(seen, "error: interrupted\n") {
		t.Errorf("code %d, got\n%s", code, seen)
	}
	if left := kubectl(t, p, kubeconfig, "get", "secrets", "-o", "name"); left != "" {
		t.Errorf("left %s", left)
	}
}

// TestCopyManyOnATerminal shows a bar while it copies, and the summary after it.
func TestCopyManyOnATerminal(t *testing.T) {
	p, namespace, kubeconfig := session(t)
	kubectl(t, p, kubeconfig, "create", "namespace", namespace+"-b")
	for _, name := range []string{"a", "b", "c"} {
		kubectl(t, p, kubeconfig, "create", "secret", "generic", name, "--from-literal=A=1")
	}
	seen := shown(t, p, kubeconfig, 0, "secret", "copy", "--all", "--to-namespace", namespace+"-b")
	if !strings.Contains(seen, "3 of 3") || !strings.HasSuffix(seen, "3 secrets in "+namespace+"-b: 3 created\n") {
		t.Errorf("it shows\n%q", seen)
	}
	kubectl(t, p, kubeconfig, "delete", "namespace", namespace+"-b", "--wait=false")
}
