package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "rewrite testdata")

// example returns the artifacts of a release whose archives hold their own names.
func example(t *testing.T, version string) []artifact {
	t.Helper()
	platforms, err := parsePlatforms(allPlatforms)
	if err != nil {
		t.Fatal(err)
	}
	var artifacts []artifact
	for _, p := range platforms {
		name := p.archive(version)
		sum := sha256.Sum256([]byte(name))
		artifacts = append(artifacts, artifact{p, name, "https://example.com/dist/" + name, hex.EncodeToString(sum[:])})
	}
	return artifacts
}

func rendered(t *testing.T, artifacts []artifact) []byte {
	t.Helper()
	template, err := os.ReadFile(filepath.Join("..", "..", "krew", "dbtether.yaml.tmpl"))
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := render(string(template), "v0.1.0", artifacts)
	if err != nil {
		t.Fatal(err)
	}
	return manifest
}

func TestManifestIsTheGoldenOne(t *testing.T) {
	got, golden := rendered(t, example(t, "v0.1.0")), filepath.Join("testdata", "dbtether.yaml")
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the manifest differs from %s (-update rewrites it):\n%s", golden, got)
	}
}

// TestManifestReadsWell checks what krew does not refuse and its users would see.
func TestManifestReadsWell(t *testing.T) {
	var manifest struct {
		Metadata struct{ Name string }
		Spec     struct{ Version, ShortDescription, Description, Caveats string }
	}
	if err := yaml.Unmarshal(rendered(t, example(t, "v0.1.0")), &manifest); err != nil {
		t.Fatal(err)
	}
	if manifest.Metadata.Name != "dbtether" || manifest.Spec.Version != "v0.1.0" {
		t.Errorf("got name %q, version %q", manifest.Metadata.Name, manifest.Spec.Version)
	}
	// `kubectl krew search` cuts it after 50 characters.
	if short := manifest.Spec.ShortDescription; short == "" || len(short) > 50 || strings.HasSuffix(short, ".") || strings.Contains(short, "\n") {
		t.Errorf("got the short description %q", short)
	}
	// What users are told to run next is what the quickstart runs.
	for _, command := range []string{"kubectl dbtether check --pre\n", "kubectl dbtether install\n"} {
		if !strings.Contains(manifest.Spec.Caveats, command) {
			t.Errorf("the caveats do not name %q", command)
		}
	}
	for _, line := range strings.Split(manifest.Spec.Description+manifest.Spec.Caveats, "\n") {
		if len(line) > 90 || strings.TrimRight(line, " ") != line {
			t.Errorf("a line is long or ends in spaces: %q", line)
		}
	}
}

// A hash of digits, and of digits around an e, is a number in YAML unless it is
// quoted; krew would then read another one.
func TestHashStaysText(t *testing.T) {
	for _, hash := range []string{strings.Repeat("12345678", 8), "1e" + strings.Repeat("0", 62)} {
		artifacts := example(t, "v0.1.0")[:1]
		artifacts[0].SHA256 = hash
		var manifest struct {
			Spec struct {
				Platforms []struct{ SHA256 any }
			}
		}
		if err := yaml.Unmarshal(rendered(t, artifacts), &manifest); err != nil {
			t.Fatal(err)
		}
		if got := manifest.Spec.Platforms[0].SHA256; got != hash {
			t.Errorf("got %v, want %s", got, hash)
		}
	}
}

func TestRenderRefusesABrokenTemplate(t *testing.T) {
	for template, want := range map[string]string{
		"{{ .Version":     "read the template",
		"{{ .Revision }}": "render the manifest",
	} {
		if _, err := render(template, "v0.1.0", nil); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", template, err, want)
		}
	}
}
