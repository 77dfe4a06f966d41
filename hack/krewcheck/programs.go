package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// program is an executable that a release hands out.
type program struct {
	bill    string // name of its bill of materials
	content []byte
}

// programsOf returns every executable of the release: those of the plugin's archives, and
// those of the images for each platform.
func programsOf(dist string) ([]program, error) {
	archives, err := pluginArchives(dist)
	if err != nil {
		return nil, err
	}
	var programs []program
	for _, path := range archives {
		members, name, err := readArchive(path)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", filepath.Base(path), err)
		}
		content, err := contentOf(members, name)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", filepath.Base(path), err)
		}
		base := strings.TrimSuffix(strings.TrimSuffix(filepath.Base(path), ".zip"), ".tar.gz")
		programs = append(programs, program{base + ".cdx.json", content})
	}
	images, err := filepath.Glob(filepath.Join(dist, "dbtether-*.oci.tar"))
	if err != nil {
		return nil, err
	}
	for _, path := range images {
		inImage, err := programsOfImage(path)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", filepath.Base(path), err)
		}
		programs = append(programs, inImage...)
	}
	return programs, nil
}

func contentOf(members []member, name string) ([]byte, error) {
	for _, m := range members {
		if m.name == name {
			return m.content, nil
		}
	}
	return nil, fmt.Errorf("it holds no %s", name)
}

// descriptor is that of an OCI image layout, as far as it is needed here.
type descriptor struct {
	Digest   string
	Platform struct{ Architecture, OS string }
}

// programsOfImage reads an archive by its layout. The plugin's bills stand beside its
// archives: the program is the same.
func programsOfImage(path string) ([]program, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	members, err := readTar(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	var top, all struct{ Manifests []descriptor }
	if err := decodeMember(members, "index.json", &top); err != nil {
		return nil, err
	}
	if len(top.Manifests) != 1 {
		return nil, errors.New("it does not hold one image")
	}
	if err := decodeMember(members, blob(top.Manifests[0]), &all); err != nil {
		return nil, err
	}
	name, version, _ := strings.Cut(strings.TrimSuffix(filepath.Base(path), ".oci.tar"), "_")
	executable := strings.TrimPrefix(name, "dbtether-")
	if executable == "plugin" {
		name, executable = "kubectl-dbtether", "kubectl-dbtether"
	}
	var programs []program
	for _, d := range all.Manifests {
		var manifest struct{ Layers []descriptor }
		if err := decodeMember(members, blob(d), &manifest); err != nil {
			return nil, err
		}
		if len(manifest.Layers) != 1 {
			return nil, fmt.Errorf("it has %d layers for %s, not one", len(manifest.Layers), d.Platform.Architecture)
		}
		layer, err := contentOf(members, blob(manifest.Layers[0]))
		if err != nil {
			return nil, err
		}
		files, err := readTarGz(layer)
		if err != nil {
			return nil, err
		}
		content, err := contentOf(files, executable)
		if err != nil {
			return nil, err
		}
		programs = append(programs, program{name + "_" + version + "_" + d.Platform.OS + "_" + d.Platform.Architecture + ".cdx.json", content})
	}
	return programs, nil
}

func blob(d descriptor) string {
	return "blobs/" + strings.Replace(d.Digest, ":", "/", 1)
}

func decodeMember(members []member, name string, into any) error {
	text, err := contentOf(members, name)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}
