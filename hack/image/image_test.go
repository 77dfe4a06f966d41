package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestParseOptions(t *testing.T) {
	amd, arm := platform{"amd64", "linux"}, platform{"arm64", "linux"}
	for _, c := range []struct {
		args string
		want options
	}{
		{"--version v0.1.0", options{"v0.1.0", "dist/images", "", []platform{amd, arm}, sources[:2], ""}},
		{"--version 0a1b2c-dirty --out /x --registry registry.test:5000/team --platforms linux/arm64,linux/arm64 --images probe,webhook,probe --programs /y",
			options{"0a1b2c-dirty", "/x", "registry.test:5000/team", []platform{arm}, []source{sources[2], sources[0]}, "/y"}},
	} {
		got, err := parseOptions(strings.Fields(c.args), io.Discard)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %+v, %v, want %+v", c.args, got, err, c.want)
		}
	}
}

func TestParseOptionsRefuses(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"", `--version "": not a tag of an image, such as v0.1.0`},
		{"--version v1+build", `--version "v1+build": not a tag`},
		{"--version v1 --registry https://registry.test", `--registry "https://registry.test": not HOST[:PORT][/PATH]`},
		{"--version v1 --registry registry.test/", `--registry "registry.test/": not`},
		{"--version v1 --platforms darwin/arm64", `--platforms "darwin/arm64": not linux/amd64 or linux/arm64`},
		{"--version v1 --platforms linux/amd64,", `--platforms "": not`},
		{"--version v1 --images webhook,operator", `--images "operator": there is none of that name`},
		{"--version v1 dist", `unexpected argument "dist"`},
	} {
		if got, err := parseOptions(strings.Fields(c.args), io.Discard); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: got %+v, %v, want %s", c.args, got, err, c.want)
		}
	}
}

// TestImagesAreReproducible builds the same images in other folders, at another time
// of another zone, and with an environment that builds otherwise.
func TestImagesAreReproducible(t *testing.T) {
	const args = "--version v0.1.0 --images probe --out "
	archive := func(out string) []byte {
		t.Helper()
		if err := run(t.Context(), strings.Fields(args+out), io.Discard, io.Discard); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(out, "probe.tar"))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	first := archive(t.TempDir())
	for name, value := range map[string]string{"TMPDIR": t.TempDir(), "GOFLAGS": "-tags=elsewhere", "CGO_ENABLED": "1", "GOAMD64": "v3", "GOARM64": "v9.0"} {
		t.Setenv(name, value)
	}
	local := time.Local
	t.Cleanup(func() { time.Local = local })
	time.Local = time.FixedZone("east", 5*3600+45*60)
	if !bytes.Equal(first, archive(filepath.Join(t.TempDir(), "under", "another"))) {
		t.Error("the second archive has other bytes")
	}
}

// TestImage reads an archive as those do who load it: by its layout, every digest
// checked, and by Docker's list.
func TestImage(t *testing.T) {
	wanted := options{version: "v0.1.0", registry: "registry.test"}
	archive, imageDigest, err := image(wanted.reference(sources[0]), wanted, sources[0], []build{{platform{"amd64", "linux"}, []byte("for amd64")}, {platform{"arm64", "linux"}, []byte("for arm64")}}, []byte("a license"))
	if err != nil {
		t.Fatal(err)
	}
	a := unpack(t, archive)
	if got := string(a["oci-layout"]); got != `{"imageLayoutVersion":"1.0.0"}` {
		t.Errorf("oci-layout: %s", got)
	}
	var top, all index
	a.read(t, "index.json", &top)
	if got := top.Manifests[0].Annotations["io.containerd.image.name"]; got != "registry.test/dbtether/webhook:v0.1.0" {
		t.Errorf("the image is called %q", got)
	}
	if got := top.Manifests[0].Digest; got != imageDigest {
		t.Errorf("the image is %s, its archive says %s", imageDigest, got)
	}
	a.blob(t, top.Manifests[0], &all)
	var configs []string
	for i, arch := range []string{"amd64", "arm64"} {
		var m manifest
		a.blob(t, all.Manifests[i], &m)
		if got := *all.Manifests[i].Platform; got != (platform{arch, "linux"}) {
			t.Errorf("manifest %d is for %s", i, got)
		}
		configs = append(configs, m.Config.file())
		var c config
		a.blob(t, m.Config, &c)
		if c.Architecture != arch || c.Config.User != "65532:65532" || !reflect.DeepEqual(c.Config.Entrypoint, []string{"/webhook"}) {
			t.Errorf("%s: config %+v", arch, c)
		}
		layer := unzip(t, a.blob(t, m.Layers[0], nil))
		if got := digest(layer); got != c.RootFS.DiffIDs[0] {
			t.Errorf("%s: the layer is %s, its config says %s", arch, got, c.RootFS.DiffIDs[0])
		}
		files := unpack(t, layer)
		if string(files["webhook"]) != "for "+arch || string(files["LICENSE"]) != "a license" || len(files) != 4 {
			t.Errorf("%s: files %q", arch, files)
		}
	}
	var load []loadable
	a.read(t, "manifest.json", &load)
	if len(load) != 1 || load[0].Config != configs[0] || load[0].RepoTags[0] != "registry.test/dbtether/webhook:v0.1.0" || a[load[0].Layers[0]] == nil {
		t.Errorf("manifest.json: %+v", load)
	}
}

// contents are the files of an archive, by name.
type contents map[string][]byte

func unpack(t *testing.T, archive []byte) contents {
	t.Helper()
	files := contents{}
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if header.Uid != 0 || header.Mode&0o022 != 0 || !header.ModTime.Equal(written) {
			t.Errorf("%s: owner %d, mode %o, time %s", header.Name, header.Uid, header.Mode, header.ModTime)
		}
		if header.Typeflag == tar.TypeReg {
			if files[header.Name], err = io.ReadAll(r); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func (c contents) read(t *testing.T, name string, into any) {
	t.Helper()
	if err := json.Unmarshal(c[name], into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// blob returns what a descriptor stands for, and decodes it if into is not nil.
func (c contents) blob(t *testing.T, d descriptor, into any) []byte {
	t.Helper()
	text := c[d.file()]
	if digest(text) != d.Digest || len(text) != d.Size {
		t.Fatalf("%s: is %s of %d bytes, its descriptor says %d", d.file(), digest(text), len(text), d.Size)
	}
	if into != nil {
		c.read(t, d.file(), into)
	}
	return text
}

func unzip(t *testing.T, text []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	unzipped, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return unzipped
}
