package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"runtime"
	"slices"
)

// write writes the archive of the image (Docker image specification 1.2), whole or not at
// all.
func (c content) write(to string) error {
	var layer bytes.Buffer
	if err := c.layer(&layer); err != nil {
		return err
	}
	config, err := json.Marshal(map[string]any{
		"architecture": runtime.GOARCH, "os": "linux",
		"config": map[string]any{
			"User":       fmt.Sprintf("%d:%d", userID, userID),
			"Entrypoint": []string{"/" + entrypoint},
			"Env":        []string{"PATH=/" + home + "/bin:/usr/bin:/bin", "PGDATA=/var/lib/postgresql/18/docker"},
			"WorkingDir": "/",
		},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{fmt.Sprintf("sha256:%x", sha256.Sum256(layer.Bytes()))}},
	})
	if err != nil {
		return err
	}
	list, err := json.Marshal([]map[string]any{{"Config": "config.json", "RepoTags": []string{reference}, "Layers": []string{"layer.tar"}}})
	if err != nil {
		return err
	}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, part := range []struct {
		name string
		text []byte
	}{{"config.json", config}, {"layer.tar", layer.Bytes()}, {"manifest.json", list}} {
		err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: part.name, Mode: 0o644, Size: int64(len(part.text))})
		if err == nil {
			_, err = w.Write(part.text)
		}
		if err != nil {
			return err
		}
	}
	if err := errors.Join(w.Close(), os.WriteFile(to+".part", archive.Bytes(), 0o644)); err != nil {
		return err
	}
	return os.Rename(to+".part", to)
}

// layer writes the files after the folders that they stand in.
func (c content) layer(to io.Writer) error {
	all := maps.Clone(c)
	for name := range c {
		for folder := path.Dir(name); folder != "."; folder = path.Dir(folder) {
			if _, there := all[folder]; !there {
				all[folder] = file{mode: 0o755}
			}
		}
	}
	w := tar.NewWriter(to)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		f := all[name]
		header := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: f.mode, Uid: f.owner, Gid: f.owner, Size: int64(len(f.content)), Format: tar.FormatPAX}
		switch {
		case f.link != "":
			header.Typeflag, header.Linkname = tar.TypeSymlink, f.link
		case f.content == nil:
			header.Typeflag, header.Name = tar.TypeDir, name+"/"
		}
		err := w.WriteHeader(header)
		if err == nil {
			_, err = w.Write(f.content)
		}
		if err != nil {
			return fmt.Errorf("pack %q: %w", name, err)
		}
	}
	return w.Close()
}
