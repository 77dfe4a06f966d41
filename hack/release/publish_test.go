package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// What an older release left in the folder stays, and nothing is added to it.
func TestPublishRefusesAFolderInUse(t *testing.T) {
	out := t.TempDir()
	if err := os.WriteFile(filepath.Join(out, "old.zip"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	err := publish(context.Background(), t.TempDir(), options{version: "v0.1.0", out: out}, io.Discard, io.Discard)
	if want := fmt.Sprintf("--out %q: is not empty, remove it first", out); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	expectOnly(t, out, "old.zip")
}

// A version that the changelog does not have, or says nothing of, is made nowhere.
func TestPublishRefusesAVersionWithoutASection(t *testing.T) {
	parent := t.TempDir()
	for text, want := range map[string]string{
		"":                                "read CHANGELOG.md: there is none",
		"## [Unreleased]\n\n- more\n":     "CHANGELOG.md has no section for v0.1.0: ",
		"## [0.1.1] - 2026-01-31\n- x\n":  "CHANGELOG.md has no section for v0.1.0: ",
		"## [0.1.0] - 2026-01-31\n\n\n":   "CHANGELOG.md: the section for v0.1.0 is empty",
		"## [0.1.0] - 31 January 2026\n-": `CHANGELOG.md: "## [0.1.0] - 31 January 2026" is neither`,
	} {
		err := publish(t.Context(), sources(t, text), options{version: "v0.1.0", out: filepath.Join(parent, "dist")}, io.Discard, io.Discard)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
	expectOnly(t, parent)
}

// sources returns a folder with nothing but a changelog; without one where it is empty.
func sources(t *testing.T, changelog string) string {
	t.Helper()
	root := t.TempDir()
	if changelog != "" {
		if err := os.WriteFile(filepath.Join(root, "CHANGELOG.md"), []byte(changelog), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// Sources that do not build leave neither the folder nor half of one behind.
func TestPublishLeavesNothingWhenABuildFails(t *testing.T) {
	parent := t.TempDir()
	wanted := options{version: "v0.1.0", out: filepath.Join(parent, "dist"), baseURI: "https://x", platforms: []platform{{"linux", "amd64"}}, parts: []string{"plugin"}}
	err := publish(context.Background(), sources(t, "## [0.1.0] - 2026-01-31\n- x\n"), wanted, io.Discard, io.Discard)
	if err == nil || !strings.HasPrefix(err.Error(), "build ./cmd/kubectl-dbtether for linux/amd64: ") {
		t.Errorf("got %v", err)
	}
	expectOnly(t, parent)
}

func expectOnly(t *testing.T, folder string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if !reflect.DeepEqual(got, names) {
		t.Errorf("%s holds %v, want %v", folder, got, names)
	}
}

// Every file of the folder is in it, as sha256sum reads it.
func TestChecksums(t *testing.T) {
	dist := t.TempDir()
	for name, content := range map[string]string{"b.zip": "", "a.tgz": "abc"} {
		if err := os.WriteFile(filepath.Join(dist, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := checksums(dist)
	want := "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  a.tgz\n" +
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  b.zip\n"
	if err != nil || got != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}
