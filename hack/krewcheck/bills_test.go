package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const levenshtein = "h1:EHBY3UOn1gwdy/VbFwgo4cxecRznFk7fKWN1KOX7eoM="

func TestModulesOf(t *testing.T) {
	const said = "go1.26.8\n\tpath\texample.com/a/cmd\n\tmod\texample.com/a\t(devel)\t\n" +
		"\tdep\texample.com/b\tv1.2.1\t" + levenshtein + "\n" +
		"\tdep\texample.com/c\tv1.0.0\n\t=>\texample.com/d\tv1.0.1\th1:x=\n\tbuild\t-compiler=gc\n"
	got, err := modulesOf(said)
	want := map[string]string{"std": "go1.26.8 ", "example.com/b": "v1.2.1 " + levenshtein, "example.com/d": "v1.0.1 h1:x="}
	if err != nil || len(got) != len(want) {
		t.Fatalf("got %q, %v, want %q", got, err, want)
	}
	for name, module := range want {
		if got[name] != module {
			t.Errorf("%s: got %q, want %q", name, got[name], module)
		}
	}
	_, err = modulesOf("not a Go program\n")
	expectError(t, "a program of something else", err, "says no version of Go")
}

// component is one of a bill of materials, whose hash is empty or that of levenshtein.
func component(name, version string, hashed bool) map[string]any {
	c := map[string]any{"name": name, "version": version}
	if hashed {
		sum := "107058dd43a7d60c1dcbf55b170828e1cc5e711ce7164edf29637528e5fb7a83"
		c["hashes"] = []any{map[string]any{"alg": "SHA-256", "content": sum}}
	}
	return c
}

func TestCompareBill(t *testing.T) {
	program := []byte("a program")
	sum := sha256.Sum256(program)
	std, b := component("std", "go1.26.8", false), component("example.com/b", "v1.2.1", true)
	held := map[string]string{"std": "go1.26.8 ", "example.com/b": "v1.2.1 " + levenshtein}
	for _, c := range []struct {
		name, spec, sum string
		components      []map[string]any
		want            string
	}{
		{"what the program holds", "1.6", hex.EncodeToString(sum[:]), []map[string]any{b, std}, ""},
		{"a module less", "1.6", hex.EncodeToString(sum[:]), []map[string]any{std}, "it does not list example.com/b, which the program holds"},
		{"no Go", "1.6", hex.EncodeToString(sum[:]), []map[string]any{b}, "it does not list std"},
		{"a module more", "1.6", hex.EncodeToString(sum[:]), []map[string]any{b, std, component("example.com/c", "v1.0.0", false)}, "it lists example.com/c, which the program does not hold"},
		{"a module twice", "1.6", hex.EncodeToString(sum[:]), []map[string]any{b, b, std}, "it lists example.com/b twice"},
		{"another version", "1.6", hex.EncodeToString(sum[:]), []map[string]any{component("example.com/b", "v1.2.2", true), std}, `it lists example.com/b as "v1.2.2 h1:`},
		{"no hash", "1.6", hex.EncodeToString(sum[:]), []map[string]any{component("example.com/b", "v1.2.1", false), std}, `it lists example.com/b as "v1.2.1 "`},
		{"another program", "1.6", strings.Repeat("0", 64), []map[string]any{b, std}, "it is of the program with sha256"},
		{"another format", "1.4", hex.EncodeToString(sum[:]), []map[string]any{b, std}, "it is in the format CycloneDX 1.4"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bill, err := json.Marshal(map[string]any{
				"bomFormat": "CycloneDX", "specVersion": c.spec, "components": c.components,
				"metadata": map[string]any{"properties": []any{map[string]any{"name": "cdx:gomod:binary:hash:SHA-256", "value": c.sum}}},
			})
			must(t, err)
			err = compareBill(bill, held, program)
			if c.want == "" {
				must(t, err)
				return
			}
			expectError(t, c.name, err, c.want)
		})
	}
}

// This test's own program stands for the plugin: the go command finds its modules, and
// what is missing beside it, or has no program, is named.
func TestInspectBills(t *testing.T) {
	path, err := os.Executable()
	must(t, err)
	own, err := os.ReadFile(path)
	must(t, err)
	modules, err := goVersion(t.Context(), own)
	must(t, err)
	if modules["std"] == "" || modules["k8s.io/apimachinery"] == "" {
		t.Fatalf("got %q", modules)
	}
	archive := string(tarGz(t, licensed, member{"kubectl-dbtether", 0o755, own}))
	const name = "kubectl-dbtether_v0.1.0_linux_amd64"
	_, err = inspectBills(t.Context(), folder(t, map[string]string{name + ".tar.gz": archive}))
	expectError(t, "no bill", err, name+".cdx.json: no such file")
	_, err = inspectBills(t.Context(), folder(t, map[string]string{name + ".tar.gz": archive, name + ".cdx.json": "{}"}))
	expectError(t, "an empty bill", err, "it does not list k8s.io/apimachinery, which the program holds")
	_, err = inspectBills(t.Context(), t.TempDir())
	expectError(t, "an empty folder", err, "it holds no program")

	dist := folder(t, map[string]string{name + ".tar.gz": archive, name + ".cdx.json": billOf(t, own, modules)})
	if n, err := inspectBills(t.Context(), dist); err != nil || n != 1 {
		t.Errorf("got %d, %v", n, err)
	}
	must(t, os.WriteFile(filepath.Join(dist, "other.cdx.json"), nil, 0o600))
	_, err = inspectBills(t.Context(), dist)
	expectError(t, "a bill of nothing", err, "inspect other.cdx.json: there is no program that it is of")
}

// billOf returns a bill that lists the modules.
func billOf(t *testing.T, program []byte, modules map[string]string) string {
	t.Helper()
	var components []map[string]any
	for name, module := range modules {
		version, sum, _ := strings.Cut(module, " ")
		c := map[string]any{"name": name, "version": version}
		if sum != "" {
			c["hashes"] = []any{map[string]any{"alg": "SHA-256", "content": inHexadecimal(t, sum)}}
		}
		components = append(components, c)
	}
	sum := sha256.Sum256(program)
	bill, err := json.Marshal(map[string]any{
		"bomFormat": "CycloneDX", "specVersion": "1.6", "components": components,
		"metadata": map[string]any{"properties": []any{map[string]any{"name": "cdx:gomod:binary:hash:SHA-256", "value": hex.EncodeToString(sum[:])}}},
	})
	must(t, err)
	return string(bill)
}

func inHexadecimal(t *testing.T, sum string) string {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(sum, "h1:"))
	must(t, err)
	return hex.EncodeToString(raw)
}
