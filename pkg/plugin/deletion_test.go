package plugin_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// doomedDatabase creates a Database that no run has looked at, and returns its file.
func doomedDatabase(t *testing.T, p program, kubeconfig, name, policy string) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "database.yaml")
	text := "apiVersion: dbtether.io/v1alpha1\nkind: Database\nmetadata:\n  name: " + name + "\nspec:\n  clusterRef:\n    name: " + name + "\n  deletionPolicy: " + policy + "\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	kubectl(t, p, kubeconfig, "create", "-f", file)
	return file
}

// TestDeletionOfWhatChangesUnderTheQuestion deletes nothing that somebody has changed before
// the name was typed.
func TestDeletionOfWhatChangesUnderTheQuestion(t *testing.T) {
	p, name, kubeconfig := session(t)
	doomedDatabase(t, p, kubeconfig, name, "Retain")
	x := inTerminal(t, p, kubeconfig, "dbtether", "db", "delete", name)
	x.expect("to confirm: ")
	kubectl(t, p, kubeconfig, "patch", "database", name, "--type", "merge", "-p", `{"spec":{"deletionPolicy":"Delete"}}`)
	x.send(name + "\n")
	want := "error: Database \"" + name + "\" was changed by someone else meanwhile\nhint:  run the command again\n"
	if seen, code := x.end(); code != 1 || !strings.HasSuffix(seen, want) {
		t.Errorf("code %d, got\n%s", code, seen)
	}
	kubectl(t, p, kubeconfig, "get", "database", name)
}

// TestSubmittedDeletionOfAnotherOne leaves to the runner only what the question was about.
func TestSubmittedDeletionOfAnotherOne(t *testing.T) {
	p, name, kubeconfig := session(t)
	file := doomedDatabase(t, p, kubeconfig, name, "Delete")
	kubectl(t, p, kubeconfig, "create", "role", "developer", "--verb=get,list,patch,delete", "--resource=databases.dbtether.io,databaseusers.dbtether.io")
	kubectl(t, p, kubeconfig, "create", "rolebinding", "developer", "--role=developer", "--user="+name)
	x := inTerminal(t, p, kubeconfig, "dbtether", "db", "delete", name, "--as", name)
	x.expect("to confirm: ")
	kubectl(t, p, kubeconfig, "replace", "--force", "-f", file)
	x.send(name + "\n")
	if seen, code := x.end(); code != 1 || !strings.Contains(seen, "UID") || !strings.HasSuffix(seen, "hint:  run the command again\n") {
		t.Errorf("code %d, got\n%s", code, seen)
	}
	kubectl(t, p, kubeconfig, "get", "database", name)
}
