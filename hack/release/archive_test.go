package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

var tiny = []entry{
	{"kubectl-dbtether", 0o755, []byte("a program")},
	{"LICENSE", 0o644, []byte(strings.Repeat("a license\n", 100))},
}

// TestArchivesAreReproducible compares with what these entries have always
// become. A new version of Go that compresses otherwise fails here: then the
// hashes change, and so do those of a release that is built again with it.
func TestArchivesAreReproducible(t *testing.T) {
	backwards := slices.Clone(tiny)
	slices.Reverse(backwards)
	for _, c := range []struct {
		name  string
		write func(io.Writer, []entry) error
		want  string
	}{
		{"tar.gz", writeTarGz, "c3a34e33ffd1bcc3ba9e14b0a1a3c671d257b41ac54de443a2dfb8563a5439ec"},
		{"zip", writeZip, "cdaf184a5dc5278c2857efa85152a29f68233328ae0c0e68372d88e34889b1da"},
	} {
		t.Run(c.name, func(t *testing.T) {
			// A local time zone must not get in.
			local := time.Local
			t.Cleanup(func() { time.Local = local })
			for _, zone := range []*time.Location{time.UTC, time.FixedZone("east", 5*3600+45*60)} {
				time.Local = zone
				for _, entries := range [][]entry{tiny, backwards} {
					if got := hashOf(t, c.write, entries); got != c.want {
						t.Errorf("in %s: got %s, want %s", zone, got, c.want)
					}
				}
			}
			other := []entry{{"kubectl-dbtether", 0o755, []byte("b program")}, tiny[1]}
			if got := hashOf(t, c.write, other); got == c.want {
				t.Error("another program has the same hash")
			}
		})
	}
}

func hashOf(t *testing.T, write func(io.Writer, []entry) error, entries []entry) string {
	t.Helper()
	sum := sha256.New()
	if err := write(sum, entries); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// seen is what a reader finds of an entry.
type seen struct {
	name    string
	mode    fs.FileMode
	written time.Time
	content string
}

func TestPack(t *testing.T) {
	for _, c := range []struct {
		platform platform
		program  string
		read     func(*testing.T, []byte) []seen
	}{
		{platform{"linux", "amd64"}, "kubectl-dbtether", readTarGz},
		{platform{"darwin", "arm64"}, "kubectl-dbtether", readTarGz},
		{platform{"windows", "amd64"}, "kubectl-dbtether.exe", readZip},
	} {
		t.Run(c.platform.String(), func(t *testing.T) {
			archive, err := pack(c.platform, []byte("program"), []byte("license"))
			if err != nil {
				t.Fatal(err)
			}
			want := []seen{
				{"LICENSE", 0o644, written, "license"},
				{c.program, 0o755, written, "program"},
			}
			if got := c.read(t, archive); !reflect.DeepEqual(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

func readTarGz(t *testing.T, archive []byte) []seen {
	t.Helper()
	expanded, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	if !expanded.ModTime.IsZero() || expanded.Name != "" {
		t.Errorf("the gzip header names %q of %s", expanded.Name, expanded.ModTime)
	}
	var entries []seen
	for reader := tar.NewReader(expanded); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return entries
		}
		if err != nil {
			t.Fatal(err)
		}
		if header.Typeflag != tar.TypeReg || header.Uid != 0 || header.Gid != 0 || header.Uname != "" || header.Gname != "" {
			t.Errorf("%s: type %c, owner %d:%d (%q:%q)", header.Name, header.Typeflag, header.Uid, header.Gid, header.Uname, header.Gname)
		}
		content, err := io.ReadAll(reader)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, seen{header.Name, header.FileInfo().Mode(), header.ModTime.UTC(), string(content)})
	}
}

func readZip(t *testing.T, archive []byte) []seen {
	t.Helper()
	reader, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatal(err)
	}
	var entries []seen
	for _, file := range reader.File {
		opened, err := file.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(opened)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, seen{file.Name, file.Mode(), file.Modified.UTC(), string(content)})
	}
	return entries
}
