package plugin_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// importing returns the program, and a file whose KEY is canary.
func importing(t *testing.T) (p program, kubeconfig, file string) {
	t.Helper()
	p, _, kubeconfig = session(t)
	file = filepath.Join(t.TempDir(), "app.env")
	if err := os.WriteFile(file, []byte("KEY="+canary+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return p, kubeconfig, file
}

// erased is what a terminal does not show any more.
var erased = regexp.MustCompile(`[^\n]*\r\x1b\[K`)

// left returns what the command ended with and what is left on the terminal.
func (x *terminal) left() (seen string, code int) {
	x.t.Helper()
	seen, code = x.end()
	return erased.ReplaceAllString(seen, ""), code
}

const importPlan = "secret/app will be created\n  + KEY   ********\nImport? [y/N] "

func TestImportAsks(t *testing.T) {
	p, kubeconfig, file := importing(t)
	for _, answer := range []string{"n\n", "\n", "yes please\n", "\x04"} {
		x := inTerminal(t, p, kubeconfig, "dbtether", "secret", "import", "app", "-f", file)
		x.expect("[y/N] ")
		x.send(answer)
		seen, code := x.left()
		if want := "error: nothing was imported\n"; !strings.HasPrefix(seen, importPlan) || !strings.HasSuffix(seen, want) || code != 1 {
			t.Errorf("%q: code %d, got\n%s", answer, code, seen)
		}
	}
	x := inTerminal(t, p, kubeconfig, "dbtether", "secret", "import", "app", "-f", file)
	x.expect("[y/N] ")
	x.send("\x03")
	if seen, code := x.left(); !strings.HasSuffix(seen, "error: interrupted\n") || code != 1 {
		t.Errorf("code %d, got\n%s", code, seen)
	}
	if left := kubectl(t, p, kubeconfig, "get", "secrets", "-o", "name"); left != "" {
		t.Errorf("there is %s", left)
	}

	x = inTerminal(t, p, kubeconfig, "dbtether", "secret", "import", "app", "-f", file)
	x.expect("[y/N] ")
	x.send("y\n")
	seen, code := x.left()
	if want := importPlan + "y\nsecret/app created, revision 1: +KEY\n"; seen != want || code != 0 {
		t.Errorf("code %d, got\n%s\nwant\n%s", code, seen, want)
	}

	// Nothing to do, nothing to ask.
	x = inTerminal(t, p, kubeconfig, "dbtether", "secret", "import", "app", "-f", file)
	if seen, code := x.left(); seen != "secret/app unchanged, revision 1\n" || code != 0 {
		t.Errorf("code %d, got\n%s", code, seen)
	}
	x = inTerminal(t, p, kubeconfig, "dbtether", "secret", "import", "other", "-f", file, "--yes", "-o", "name")
	if seen, code := x.left(); seen != "secret/other\n" || code != 0 {
		t.Errorf("code %d, got\n%s", code, seen)
	}
}

// TestImportWritesWhatItShowed changes one of two Secrets while the question stands: that
// one is refused, and the other is imported.
func TestImportWritesWhatItShowed(t *testing.T) {
	p, kubeconfig, _ := importing(t)
	manifests := filepath.Join(t.TempDir(), "two.yaml")
	text := "apiVersion: v1\nkind: Secret\nmetadata: {name: NAME}\nstringData: {KEY: new}\n"
	text = strings.ReplaceAll(text, "NAME", "one") + "---\n" + strings.ReplaceAll(text, "NAME", "two")
	if err := os.WriteFile(manifests, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	kubectl(t, p, kubeconfig, "create", "secret", "generic", "one", "--from-literal=KEY=old")
	x := inTerminal(t, p, kubeconfig, "dbtether", "secret", "import", "-f", manifests)
	x.expect("[y/N] ")
	kubectl(t, p, kubeconfig, "patch", "secret", "one", "--type=merge", "-p", `{"stringData":{"KEY":"of somebody else"}}`)
	x.send("y\n")
	seen, code := x.left()
	for _, want := range []string{
		"secret/two created, revision 1: +KEY\n",
		"error: secret \"one\" was changed by somebody else after it was shown what would be done\nhint:  run the command again\n",
		"1 created, 1 failed\n", "error: 1 of 2 could not be imported\n",
	} {
		if !strings.Contains(seen, want) {
			t.Errorf("%q is not said, but\n%s", want, seen)
		}
	}
	if code != 1 {
		t.Errorf("code %d", code)
	}
	if is := kubectl(t, p, kubeconfig, "get", "secret", "one", "-o", "go-template={{.data.KEY | base64decode}}"); is != "of somebody else" {
		t.Errorf("it holds %q", is)
	}
	if revisions := kubectl(t, p, kubeconfig, "get", "secrets", "-l", "dbtether.io/revision-of=one", "-o", "name"); revisions != "" {
		t.Errorf("there is %s", revisions)
	}
}
