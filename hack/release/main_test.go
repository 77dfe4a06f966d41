package main

import (
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
)

func TestParseOptions(t *testing.T) {
	everything := []platform{{"linux", "amd64"}, {"linux", "arm64"}, {"darwin", "amd64"}, {"darwin", "arm64"}, {"windows", "amd64"}}
	parts := []string{"plugin", "images", "chart", "manifests"}
	for _, c := range []struct {
		args string
		want options
	}{
		{"--version v0.1.0", options{"v0.1.0", "dist", "https://github.com/dbtether/kubectl-dbtether/releases/download/v0.1.0", "", everything, parts, false}},
		{"--version v1.20.3-rc.1 --out /x --base-uri http://127.0.0.1:8080/a --registry registry.test/a --notes", options{"v1.20.3-rc.1", "/x", "http://127.0.0.1:8080/a", "registry.test/a", everything, parts, true}},
		{"--version v0.1.0-3-gabc0123-dirty --base-uri https://x --platforms windows/amd64,linux/amd64,linux/amd64 --parts plugin", options{"v0.1.0-3-gabc0123-dirty", "dist", "https://x", "", []platform{{"linux", "amd64"}, {"windows", "amd64"}}, []string{"plugin"}, false}},
	} {
		got, err := parseOptions(strings.Fields(c.args), io.Discard)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %+v, %v, want %+v", c.args, got, err, c.want)
		}
	}
}

func TestParseOptionsRefuses(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"", `--version "": not a semantic version with a v before it, such as v0.1.0`},
		{"--version 0.1.0", `--version "0.1.0": not`},
		{"--version v0.1", `--version "v0.1": not`},
		{"--version v0.01.0", `--version "v0.01.0": not`},
		{"--version v0.1.0-", `--version "v0.1.0-": not`},
		{"--version v0.1.0-rc..1", `--version "v0.1.0-rc..1": not`},
		{"--version v0.1.0-01", `--version "v0.1.0-01": not`},
		{"--version v0.1.0+build", `--version "v0.1.0+build": not`},
		{"--version ddb4a86", `--version "ddb4a86": not`},
		{"--version v0.1.0 --base-uri ftp://x", `--base-uri "ftp://x": not an http or https URI`},
		{"--version v0.1.0 --base-uri https://", `--base-uri "https://": not`},
		{"--version v0.1.0 --base-uri dist", `--base-uri "dist": not`},
		{"--version v0.1.0 --base-uri https://x/?a=b", `--base-uri "https://x/?a=b": not`},
		{"--version v0.1.0 --base-uri https://x/{{.}}", `--base-uri "https://x/{{.}}": has characters`},
		{"--version v0.1.0 --platforms plan9/386", `--platforms "plan9/386": not one of linux/amd64,`},
		{"--version v0.1.0 --platforms linux/amd64,", `--platforms "": not one of`},
		{"--version v0.1.0 --registry Registry.test/A", `--registry "Registry.test/A": image prefix "Registry.test/A/dbtether" is not like registry/folder`},
		{"--version v0.1.0 --parts plugin,docs", `--parts "docs": not one of plugin,images,chart,manifests`},
		{"--version v0.1.0 dist", `unexpected argument "dist"`},
		{"--verson v0.1.0", `flag provided but not defined: -verson`},
	} {
		if got, err := parseOptions(strings.Fields(c.args), io.Discard); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: got %+v, %v, want %s", c.args, got, err, c.want)
		}
	}
}

func TestNotes(t *testing.T) {
	const text = "# Changelog\n## [Unreleased]\n%s## [0.1.0] - 2026-01-31\n\n### Added\n\n- a thing\n\n[0.1.0]: https://x\n"
	var printed strings.Builder
	if err := notes(sources(t, fmt.Sprintf(text, "")), "v0.1.0", &printed); err != nil || printed.String() != "### Added\n\n- a thing\n" {
		t.Errorf("got %q, %v", printed.String(), err)
	}
	printed.Reset()
	err := notes(sources(t, fmt.Sprintf(text, "- another\n")), "v0.1.0", &printed)
	if want := "CHANGELOG.md: what is unreleased would be released with v0.1.0: move it into that section"; err == nil || err.Error() != want || printed.Len() > 0 {
		t.Errorf("got %q, %v, want %s", printed.String(), err, want)
	}
}
