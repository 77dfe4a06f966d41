package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"testing"
)

// image returns the archive of an image whose one layer, for linux/arm64, holds the files.
func image(t *testing.T, files ...member) string {
	t.Helper()
	var written bytes.Buffer
	w := tar.NewWriter(&written)
	put := func(name string, content []byte) {
		must(t, w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(content))}))
		_, err := w.Write(content)
		must(t, err)
	}
	store := func(content []byte) map[string]any {
		sum := fmt.Sprintf("%x", sha256.Sum256(content))
		put("blobs/sha256/"+sum, content)
		return map[string]any{"digest": "sha256:" + sum, "platform": map[string]any{"architecture": "arm64", "os": "linux"}}
	}
	encode := func(value any) []byte {
		text, err := json.Marshal(value)
		must(t, err)
		return text
	}
	layer := store(tarGz(t, files...))
	manifest := store(encode(map[string]any{"layers": []any{layer}}))
	index := store(encode(map[string]any{"manifests": []any{manifest}}))
	put("index.json", encode(map[string]any{"manifests": []any{index}}))
	must(t, w.Close())
	return written.String()
}

// The programs in images have bills, too: the plugin's is the one beside its archive.
func TestInspectBillsOfImages(t *testing.T) {
	path, err := os.Executable()
	must(t, err)
	own, err := os.ReadFile(path)
	must(t, err)
	modules, err := goVersion(t.Context(), own)
	must(t, err)
	bill := billOf(t, own, modules)
	release := map[string]string{
		"dbtether-webhook_v0.1.0.oci.tar":              image(t, licensed, member{"webhook", 0o755, own}),
		"dbtether-plugin_v0.1.0.oci.tar":               image(t, licensed, member{"kubectl-dbtether", 0o755, own}),
		"dbtether-webhook_v0.1.0_linux_arm64.cdx.json": bill,
		"kubectl-dbtether_v0.1.0_linux_arm64.cdx.json": bill,
	}
	if n, err := inspectBills(t.Context(), folder(t, release)); err != nil || n != 2 {
		t.Errorf("got %d, %v", n, err)
	}
	for _, name := range []string{"dbtether-webhook_v0.1.0_linux_arm64.cdx.json", "kubectl-dbtether_v0.1.0_linux_arm64.cdx.json"} {
		delete(release, name)
		_, err = inspectBills(t.Context(), folder(t, release))
		expectError(t, "without "+name, err, name+": no such file")
		release[name] = bill
	}
	release["dbtether-plugin_v0.1.0.oci.tar"] = image(t, licensed, member{"kubectl-dbtether", 0o755, append(bytes.Clone(own), 0)})
	_, err = inspectBills(t.Context(), folder(t, release))
	expectError(t, "another program in the image", err, "it is of the program with sha256")
	release["dbtether-plugin_v0.1.0.oci.tar"] = image(t, licensed)
	_, err = inspectBills(t.Context(), folder(t, release))
	expectError(t, "an image without its program", err, "read dbtether-plugin_v0.1.0.oci.tar: it holds no kubectl-dbtether")
}
