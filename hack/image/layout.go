package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"slices"
)

// Media types and the two files of an OCI image layout (image-spec v1.1).
const (
	typeIndex    = "application/vnd.oci.image.index.v1+json"
	typeManifest = "application/vnd.oci.image.manifest.v1+json"
	typeConfig   = "application/vnd.oci.image.config.v1+json"
	typeLayer    = "application/vnd.oci.image.layer.v1.tar+gzip"
	layoutFile   = "oci-layout"
	indexFile    = "index.json"
)

// descriptor says what a blob is and where.
type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int               `json:"size"`
	Platform    *platform         `json:"platform,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

func (d descriptor) file() string { return "blobs/sha256/" + d.Digest[len("sha256:"):] }

type index struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Manifests     []descriptor `json:"manifests"`
}

type manifest struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Config        descriptor   `json:"config"`
	Layers        []descriptor `json:"layers"`
}

// config is an image's configuration. Created is the date of its files, so that equal files
// give equal bytes.
type config struct {
	platform
	Created string `json:"created"`
	Config  struct {
		User       string            `json:"User"`
		Entrypoint []string          `json:"Entrypoint"`
		WorkingDir string            `json:"WorkingDir"`
		Labels     map[string]string `json:"Labels"`
	} `json:"config"`
	RootFS struct {
		Type    string   `json:"type"`
		DiffIDs []string `json:"diff_ids"`
	} `json:"rootfs"`
}

// loadable is an element of manifest.json, which `docker load` reads.
type loadable struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// layout is an image in the making.
type layout struct {
	entries []entry
}

// add stores a blob.
func (l *layout) add(mediaType string, content []byte) descriptor {
	d := descriptor{MediaType: mediaType, Digest: digest(content), Size: len(content)}
	l.entries = append(l.entries, entry{d.file(), 0o644, content})
	return d
}

func (l *layout) addJSON(mediaType string, value any) (descriptor, error) {
	text, err := json.Marshal(value)
	return l.add(mediaType, text), err
}

func (l *layout) addFile(name string, value any) error {
	text, err := json.Marshal(value)
	l.entries = append(l.entries, entry{name, 0o644, text})
	return err
}

func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// build is the program for one platform.
type build struct {
	platform
	executable []byte
}

// image returns the archive of an image, and the digest of the index of its platforms,
// which is the image's own. It does no I/O.
func image(reference string, wanted options, s source, builds []build, license []byte) (archive []byte, imageDigest string, err error) {
	l := &layout{entries: []entry{{"blobs/", 0o755, nil}, {"blobs/sha256/", 0o755, nil}}}
	all := index{SchemaVersion: 2, MediaType: typeIndex}
	var load []loadable
	for _, b := range builds {
		m, err := l.addImage(wanted, s, b, license)
		if err != nil {
			return nil, "", err
		}
		d, err := l.addJSON(typeManifest, m)
		if err != nil {
			return nil, "", err
		}
		d.Platform = &b.platform
		all.Manifests = append(all.Manifests, d)
		if load == nil {
			load = []loadable{{m.Config.file(), []string{reference}, []string{m.Layers[0].file()}}}
		}
	}
	d, err := l.addJSON(typeIndex, all)
	if err != nil {
		return nil, "", err
	}
	// The first is what containerd names an image by, the second what others do.
	d.Annotations = map[string]string{"io.containerd.image.name": reference, "org.opencontainers.image.ref.name": wanted.version}
	top := index{SchemaVersion: 2, MediaType: typeIndex, Manifests: []descriptor{d}}
	for name, value := range map[string]any{layoutFile: map[string]string{"imageLayoutVersion": "1.0.0"}, indexFile: top, "manifest.json": load} {
		if err := l.addFile(name, value); err != nil {
			return nil, "", err
		}
	}
	archive, err = l.archive()
	return archive, d.Digest, err
}

// addImage stores the image for one platform, but for its manifest, which it returns.
func (l *layout) addImage(wanted options, s source, b build, license []byte) (manifest, error) {
	var layer bytes.Buffer
	if err := writeTar(&layer, files(s.program, b.executable, license)); err != nil {
		return manifest{}, err
	}
	compressed, err := compress(func(w io.Writer) error { _, err := w.Write(layer.Bytes()); return err })
	if err != nil {
		return manifest{}, err
	}
	c := config{platform: b.platform, Created: written.Format("2006-01-02T15:04:05Z")}
	c.Config.User = userID + ":" + userID
	c.Config.Entrypoint = []string{"/" + s.program}
	c.Config.WorkingDir = "/"
	c.Config.Labels = map[string]string{"org.opencontainers.image.version": wanted.version, "org.opencontainers.image.licenses": "Apache-2.0"}
	c.RootFS.Type, c.RootFS.DiffIDs = "layers", []string{digest(layer.Bytes())}
	stored, err := l.addJSON(typeConfig, c)
	return manifest{SchemaVersion: 2, MediaType: typeManifest, Config: stored, Layers: []descriptor{l.add(typeLayer, compressed)}}, err
}

// archive returns the layout as a tar: folders and files by name, each once.
func (l *layout) archive() ([]byte, error) {
	entries := slices.SortedFunc(slices.Values(l.entries), func(a, b entry) int { return cmp.Compare(a.name, b.name) })
	entries = slices.CompactFunc(entries, func(a, b entry) bool { return a.name == b.name })
	var text bytes.Buffer
	err := writeTar(&text, entries)
	return text.Bytes(), err
}
