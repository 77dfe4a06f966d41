package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// smallRelease is a release for all platforms: the manifest that hack/release
// renders, with small archives.
type smallRelease struct {
	t         *testing.T
	server    *server
	manifest  map[string]any
	platforms []map[string]any
	host      map[string]any    // that of platforms which is for this machine
	archives  map[string][]byte // by file name
}

var licensed = member{"LICENSE", 0o644, []byte("the license\n")}

// plugin returns a program that says it is of a version, whatever it is asked.
func plugin(name, version string) member {
	return member{name, 0o755, []byte("#!/bin/sh\necho Client Version: " + version + "\n")}
}

func newSmallRelease(t *testing.T) *smallRelease {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "release", "testdata", "dbtether.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	r := &smallRelease{t: t, archives: map[string][]byte{}}
	if err := yaml.Unmarshal(text, &r.manifest); err != nil {
		t.Fatal(err)
	}
	for _, p := range r.spec()["platforms"].([]any) {
		r.platforms = append(r.platforms, p.(map[string]any))
	}
	if r.server, err = listen(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.server.stop(); err != nil {
			t.Error(err)
		}
	})
	for _, p := range r.platforms {
		name := archive(p)
		p["uri"] = r.server.uri + "/" + name
		r.put(p, licensed, plugin(p["bin"].(string), "v0.1.0"))
		if labels := labelsOf(p); labels["os"] == runtime.GOOS && labels["arch"] == runtime.GOARCH {
			r.host = p
		}
	}
	if r.host == nil {
		t.Fatalf("no platform is %s/%s", runtime.GOOS, runtime.GOARCH)
	}
	return r
}

func (r *smallRelease) spec() map[string]any { return r.manifest["spec"].(map[string]any) }

// labelsOf returns what a platform selects on.
func labelsOf(p map[string]any) map[string]any {
	return p["selector"].(map[string]any)["matchLabels"].(map[string]any)
}

// archive returns the name of a platform's archive.
func archive(p map[string]any) string { return path.Base(p["uri"].(string)) }

// put gives a platform an archive with these members, and its hash.
func (r *smallRelease) put(p map[string]any, members ...member) {
	r.t.Helper()
	name := archive(p)
	write := tarGz
	if strings.HasSuffix(name, ".zip") {
		write = zipped
	}
	r.archives[name] = write(r.t, members...)
	p["sha256"] = fmt.Sprintf("%x", sha256.Sum256(r.archives[name]))
}

// publish writes the release, serves it, and returns the path of its manifest,
// called name, and that of the host's archive.
func (r *smallRelease) publish(name string) (manifest, hostArchive string) {
	r.t.Helper()
	dist := r.t.TempDir()
	text, err := yaml.Marshal(r.manifest)
	if err != nil {
		r.t.Fatal(err)
	}
	r.archives[name] = text
	for file, content := range r.archives {
		if err := os.WriteFile(filepath.Join(dist, file), content, 0o600); err != nil {
			r.t.Fatal(err)
		}
	}
	delete(r.archives, name)
	r.server.serve(dist)
	return filepath.Join(dist, name), filepath.Join(dist, archive(r.host))
}

func tarGz(t *testing.T, members ...member) []byte {
	t.Helper()
	var written bytes.Buffer
	compressed := gzip.NewWriter(&written)
	w := tar.NewWriter(compressed)
	for _, m := range members {
		header := &tar.Header{Typeflag: tar.TypeReg, Name: m.name, Mode: int64(m.mode.Perm()), Size: int64(len(m.content))}
		if m.mode&fs.ModeSymlink != 0 {
			header.Typeflag, header.Size, header.Linkname = tar.TypeSymlink, 0, string(m.content)
			m.content = nil
		}
		must(t, w.WriteHeader(header))
		_, err := w.Write(m.content)
		must(t, err)
	}
	must(t, w.Close())
	must(t, compressed.Close())
	return written.Bytes()
}

func zipped(t *testing.T, members ...member) []byte {
	t.Helper()
	var written bytes.Buffer
	w := zip.NewWriter(&written)
	for _, m := range members {
		header := &zip.FileHeader{Name: m.name, Method: zip.Deflate}
		header.SetMode(m.mode)
		file, err := w.CreateHeader(header)
		must(t, err)
		_, err = file.Write(m.content)
		must(t, err)
	}
	must(t, w.Close())
	return written.Bytes()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
