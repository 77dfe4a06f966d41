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
	"slices"
	"strings"
)

// inspectArchives checks that each archive of the release holds the plugin and
// the license, as regular files, and nothing else. krew refuses a symlink in a
// tar only: from a zip it would write a file with the link's target in it.
func inspectArchives(dist string, license []byte) error {
	archives, err := pluginArchives(dist)
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

// pluginArchives returns the paths of the archives of the plugin.
func pluginArchives(dist string) ([]string, error) {
	tars, err := filepath.Glob(filepath.Join(dist, "kubectl-dbtether_*.tar.gz"))
	if err != nil {
		return nil, err
	}
	zips, err := filepath.Glob(filepath.Join(dist, "kubectl-dbtether_*.zip"))
	return append(tars, zips...), err
}

func inspectArchive(path string, license []byte) error {
	members, program, err := readArchive(path)
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

// readArchive returns what an archive of the plugin holds, and the name of its program.
func readArchive(path string) (members []member, program string, err error) {
	archive, err := os.ReadFile(path)
	if err != nil {
		return nil, "", err
	}
	if strings.HasSuffix(path, ".zip") {
		members, err = readZip(archive)
		return members, "kubectl-dbtether.exe", err
	}
	members, err = readTarGz(archive)
	return members, "kubectl-dbtether", err
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
	return readTar(expanded)
}

func readTar(archive io.Reader) ([]member, error) {
	var members []member
	for reader := tar.NewReader(archive); ; {
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
	archives, err := pluginArchives(dist)
	if err != nil {
		return "", err
	}
	name := "kubectl-dbtether_" + version + "_" + runtime.GOOS + "_" + runtime.GOARCH
	found := slices.DeleteFunc(archives, func(path string) bool {
		base := filepath.Base(path)
		return base != name+".tar.gz" && base != name+".zip"
	})
	if len(found) != 1 {
		return "", fmt.Errorf("find the archive for %s/%s: got %q", runtime.GOOS, runtime.GOARCH, found)
	}
	return found[0], nil
}
