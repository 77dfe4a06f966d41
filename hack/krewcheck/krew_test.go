package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

// TestKrew shows that krew, as we run it, takes a good release and refuses bad
// ones: a check that accepts everything would be none.
func TestKrew(t *testing.T) {
	ctx := t.Context()
	root, err := testenv.Root()
	must(t, err)
	kubectl, err := findKubectl(ctx, t.Logf)
	must(t, err)
	k, err := newKrew(ctx, root, t.TempDir(), kubectl)
	must(t, err)

	t.Run("a good release", func(t *testing.T) {
		r := newSmallRelease(t)
		manifest, local := r.publish("dbtether.yaml")
		said, err := k.validate(ctx, manifest)
		if err != nil || !strings.Contains(said, "all 5 spec.platforms installed fine") {
			t.Errorf("validate: %v\n%s", err, said)
		}
		home := filepath.Join(t.TempDir(), "krew")
		said, err = k.install(ctx, home, manifest, local)
		if err != nil || !strings.Contains(said, "Installed plugin: dbtether") {
			t.Errorf("install: %v\n%s", err, said)
		}
		_, err = k.install(ctx, home, manifest, local)
		expectError(t, "install twice", err, "is not empty")
		err = k.use(ctx, home, "v0.1.1", t.Logf)
		expectError(t, "use another version", err, `kubectl dbtether version: got "Client Version: v0.1.0\n", want "Client Version: v0.1.1\n"`)
		// This plugin says its version whatever it is asked.
		err = k.use(ctx, home, "v0.1.0", t.Logf)
		expectError(t, "use without completions", err, "kubectl __complete dbtether db d: got ")
	})

	for _, c := range badReleases {
		t.Run(c.name, func(t *testing.T) {
			r := newSmallRelease(t)
			name := "dbtether.yaml"
			if c.change != nil {
				c.change(r)
			} else {
				name = "other.yaml"
			}
			manifest, local := r.publish(name)
			if c.validate != "" {
				said, err := k.validate(ctx, manifest)
				expectError(t, "validate", err, c.validate)
				if strings.Contains(said, "installed fine") {
					t.Errorf("validate says:\n%s", said)
				}
			}
			if c.install != "" {
				home := t.TempDir()
				_, err := k.install(ctx, home, manifest, local)
				expectError(t, "install", err, c.install)
				if installed, err := os.Lstat(filepath.Join(home, "bin", "kubectl-dbtether")); err == nil {
					t.Errorf("install: %s is there", installed.Name())
				}
			}
		})
	}
}

// badReleases each differ from a good one in one thing. validate and install are
// what the error has to say; where one is empty, krew sees nothing wrong.
var badReleases = []struct {
	name              string
	change            func(*smallRelease)
	validate, install string
}{
	{
		name: "an archive is not the one that was hashed",
		change: func(r *smallRelease) {
			content := r.archives[archive(r.host)]
			content[len(content)-1] ^= 1
		},
		validate: "checksum does not match",
		install:  "checksum does not match",
	},
	{
		name:     "the hash is that of another archive",
		change:   func(r *smallRelease) { r.host["sha256"] = strings.Repeat("0", 64) },
		validate: "checksum does not match",
		install:  "checksum does not match",
	},
	{
		name: "a symlink",
		change: func(r *smallRelease) {
			r.put(r.host, licensed, plugin("kubectl-dbtether", "v0.1.0"), member{"README", 0o777 | os.ModeSymlink, []byte("LICENSE")})
		},
		validate: `unable to handle file type 50 for "README" in tar`,
		install:  `unable to handle file type 50 for "README" in tar`,
	},
	{
		name: "a file outside the archive",
		change: func(r *smallRelease) {
			r.put(r.host, licensed, plugin("kubectl-dbtether", "v0.1.0"), member{"../README", 0o644, nil})
		},
		validate: `suspicious entry "../README"`,
		install:  `suspicious entry "../README"`,
	},
	{
		name: "no license",
		change: func(r *smallRelease) {
			r.put(r.host, plugin("kubectl-dbtether", "v0.1.0"))
		},
		validate: "could not find license file",
	},
	{
		name: "no program",
		change: func(r *smallRelease) {
			r.put(r.host, licensed)
		},
		validate: "cannot be found in extracted archive",
		install:  "cannot be found in extracted archive",
	},
	{
		name:     "an archive is missing",
		change:   func(r *smallRelease) { delete(r.archives, archive(r.platforms[4])) },
		validate: "status code 404",
	},
	{
		name:     "a selector on something else",
		change:   func(r *smallRelease) { labelsOf(r.platforms[2])["platform"] = "darwin" },
		validate: `key "platform" not supported`,
		install:  `key "platform" not supported`,
	},
	{
		name:     "a selector of a system that krew does not know",
		change:   func(r *smallRelease) { labelsOf(r.platforms[2])["os"] = "macos" },
		validate: "doesn't match any supported platforms",
	},
	{
		name: "selectors that overlap",
		change: func(r *smallRelease) {
			labelsOf(r.platforms[0])["arch"] = "arm64"
			labelsOf(r.platforms[0])["os"] = "linux"
		},
		validate: "overlapping selectors",
	},
	{
		name: "nothing for this platform",
		change: func(r *smallRelease) {
			labelsOf(r.host)["os"] = "windows"
			labelsOf(r.host)["arch"] = "386"
		},
		install: "does not offer installation for this platform",
	},
	{
		name:     "a short description of two lines",
		change:   func(r *smallRelease) { r.spec()["shortDescription"] = "one\ntwo" },
		validate: "should not have line breaks",
		install:  "should not have line breaks",
	},
	{
		name:     "a file that is not called like the plugin",
		validate: `plugin should be named "other"`,
	},
}

func expectError(t *testing.T, what string, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%s: got %v, want an error with %q", what, err, want)
	}
}
