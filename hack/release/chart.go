package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// chart writes the Helm chart as an archive, as `helm package` would, but with the same
// bytes each time.
func (m *making) chart(context.Context) error {
	number := strings.TrimPrefix(m.version, "v")
	files, err := chartFiles(os.DirFS(filepath.Join(m.root, "manifests", "chart")), number, m.version, m.imagePrefix())
	if err != nil {
		return err
	}
	license, err := os.ReadFile(filepath.Join(m.root, "LICENSE"))
	if err != nil {
		return err
	}
	var archive bytes.Buffer
	if err := writeTarGz(&archive, append(files, entry{"dbtether/LICENSE", 0o644, license})); err != nil {
		return err
	}
	return m.write("dbtether-"+number+".tgz", archive.Bytes())
}

// chartFiles returns the files of the chart in a folder. In them are set: the chart's version,
// that of the images, and the prefix of the images' names.
func chartFiles(folder fs.FS, version, images, prefix string) ([]entry, error) {
	changes := map[string][][2]string{
		"Chart.yaml":  {{"version: 0.0.0", "version: " + version}, {"appVersion: dev", "appVersion: " + images}},
		"values.yaml": {{"  prefix: dbtether", "  prefix: " + prefix}},
	}
	var entries []entry
	err := fs.WalkDir(folder, ".", func(path string, file fs.DirEntry, err error) error {
		if err != nil || file.IsDir() {
			return err
		}
		content, err := fs.ReadFile(folder, path)
		if err != nil {
			return err
		}
		for _, change := range changes[path] {
			if content, err = replaceLine(content, change[0], change[1]); err != nil {
				return fmt.Errorf("set the version in the chart's %s: %w", path, err)
			}
		}
		delete(changes, path)
		entries = append(entries, entry{"dbtether/" + path, 0o644, content})
		return nil
	})
	for path := range changes {
		if err == nil {
			err = fmt.Errorf("set the version in the chart: it has no %s", path)
		}
	}
	return entries, err
}

// replaceLine replaces the one line that is exactly this.
func replaceLine(content []byte, line, by string) ([]byte, error) {
	text := "\n" + string(content)
	if strings.Count(text, "\n"+line+"\n") != 1 {
		return nil, fmt.Errorf("the line %q is not there once", line)
	}
	return []byte(strings.Replace(text, "\n"+line+"\n", "\n"+by+"\n", 1)[1:]), nil
}
