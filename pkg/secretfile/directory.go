package secretfile

import (
	"maps"
	"slices"
	"strings"

	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// directory takes the place of the format in errors.
const directory Format = "directory"

// FromDirectory returns the Secret of a directory's files, and warnings: each name is a
// key, with exactly the bytes of the file. Hidden files are left out; among them are the
// links that Kubernetes keeps in a volume (..data). The caller reads the files. Errors
// are those of Read.
func FromDirectory(name string, files map[string][]byte) (Item, []string, error) {
	r := &reader{format: directory, name: name}
	data := secret.Data{}
	for _, file := range slices.Sorted(maps.Keys(files)) {
		switch {
		case strings.HasPrefix(file, ".."):
		case strings.HasPrefix(file, "."):
			r.warn("hidden file %q is left out", file)
		default:
			data[file] = slices.Clone(files[file])
		}
	}
	r.add(name, data)
	items, warnings, err := r.finish()
	if err != nil {
		return Item{}, nil, err
	}
	return items[0], warnings, nil
}
