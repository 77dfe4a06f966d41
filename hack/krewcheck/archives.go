package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
)

// inspectArchives checks that each archive of the release holds the plugin and
// the license, as regular files, and nothing else. krew refuses a symlink in a
// tar only: from a zip it would write a file with the link's target in it.
func inspectArchives(dist string, license []byte) error {
	archives, err := filepath.Glob(filepath.Join(dist, "kubectl-dbtether_*"))
	if err != nil {
		return err
	}
	if len(archives) == 0 {
		return fmt.Errorf("inspect %q: it holds no archive", dist)
	}
	for _, archive := range archives {
		if err := inspectArchive(archive, license); err != nil {
			return fmt.Errorf("inspect %s: %w", filepath.Base(archive), err)
		}
	}
	return nil
}

func inspectArchive(path string, license []byte) error {
	archive, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	read, program := readTarGz, "kubectl-dbtether"
	if strings.HasSuffix(path, ".zip") {
		read, program = readZip, "kubectl-dbtether.exe"
	}
	members, err := read(archive)
	if err != nil {
		return err
	}
	var got []string
	for _, m := range members {
		got = append(got, m.mode.String()+" "+m.name)
		if m.name == "LICENSE" && !bytes.Equal(m.content, license) {
			return errors.New("its LICENSE is not ours")
		}
	}
	if want := []string{"-rw-r--r-- LICENSE", "-rwxr-xr-x " + program}; !reflect.DeepEqual(got, want) {
		return fmt.Errorf("it holds %q, want %q", got, want)
	}
	return nil
}

// member is what an archive holds under a name.
type member struct {
	name    string
	mode    fs.FileMode
	content []byte
}

func readTarGz(archive []byte) ([]member, error) {
	expanded, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return nil, err
	}
	var members []member
	for reader := tar.NewReader(expanded); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return members, nil
		}
		if err != nil {
			return nil, err
		}
		content, err := io.ReadAll(reader)
		if err != nil {
			return nil, err
		}
		members = append(members, member{header.Name, header.FileInfo().Mode(), content})
	}
}

func readZip(archive []byte) ([]member, error) {
	reader, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return nil, err
	}
	var members []member
	for _, file := range reader.File {
		opened, err := file.Open()
		if err != nil {
			return nil, err
		}
		content, err := io.ReadAll(opened)
		if err := errors.Join(err, opened.Close()); err != nil {
			return nil, err
		}
		members = append(members, member{file.Name, file.Mode(), content})
	}
	return members, nil
}

// hostArchive returns the path of the archive for this machine.
func hostArchive(dist, version string) (string, error) {
	pattern := filepath.Join(dist, "kubectl-dbtether_"+version+"_"+runtime.GOOS+"_"+runtime.GOARCH+".*")
	found, err := filepath.Glob(pattern)
	if err != nil {
		return "", err
	}
	if len(found) != 1 {
		return "", fmt.Errorf("find the archive for %s/%s: got %q", runtime.GOOS, runtime.GOARCH, found)
	}
	return found[0], nil
}
