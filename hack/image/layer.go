package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"time"
)

// entry is a file of an archive; one whose name ends with a slash is a folder.
type entry struct {
	name    string
	mode    int64
	content []byte
}

// written is the modification time of everything.
var written = time.Unix(0, 0).UTC()

// writeTar writes the entries in their order. Equal entries give equal bytes.
func writeTar(w io.Writer, entries []entry) error {
	archive := tar.NewWriter(w)
	for _, e := range entries {
		// Owner and group stay root's numbers without a name: what runs cannot
		// change what it runs from.
		header := &tar.Header{Typeflag: tar.TypeReg, Name: e.name, Mode: e.mode, Size: int64(len(e.content)), ModTime: written, Format: tar.FormatUSTAR}
		if e.name[len(e.name)-1] == '/' {
			header.Typeflag = tar.TypeDir
		}
		if err := archive.WriteHeader(header); err != nil {
			return err
		}
		if _, err := archive.Write(e.content); err != nil {
			return err
		}
	}
	return archive.Close()
}

// compress returns what the writer writes, gzipped.
func compress(write func(io.Writer) error) ([]byte, error) {
	var compressed bytes.Buffer
	w := gzip.NewWriter(&compressed)
	err := errors.Join(write(w), w.Close())
	return compressed.Bytes(), err
}

// userID is who runs the program: nobody that a node knows.
const userID = "65532"

// files returns what an image holds: the program, its licence, and a name for its
// user. There are no certificates of public authorities: a server's authority is
// given by caSecretRef.
func files(program string, executable, license []byte) []entry {
	return []entry{
		{"etc/", 0o755, nil},
		{"etc/group", 0o644, []byte("nonroot:x:" + userID + ":\n")},
		{"etc/passwd", 0o644, []byte("nonroot:x:" + userID + ":" + userID + "::/:/sbin/nologin\n")},
		{"LICENSE", 0o644, license},
		{program, 0o755, executable},
	}
}
