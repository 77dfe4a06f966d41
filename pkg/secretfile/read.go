package secretfile

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

const (
	// maxData is corev1.MaxSecretSize: what the values of one Secret hold at most.
	maxData = 1048576
	// maxText is how much text is read of one file: more than many Secrets need.
	maxText = 64 << 20
)

// Read returns the Secrets of a file, and what whoever imports them should know. It
// gives all of them or an error: a *FileError where the file is not of the format or not
// whole, else a *RefusedError or *NameError for each key or name that is at fault,
// joined.
//
// The Secret is called name. A manifest names its Secrets itself, and so does an export
// of OnePassword or AWS that holds several, or where name is empty; then name is not used.
func Read(format Format, name string, text []byte) ([]Item, []string, error) {
	r := &reader{format: format, name: name}
	if err := r.checkText(text); err != nil {
		return nil, nil, err
	}
	var err error
	switch format {
	case Env:
		err = r.env(text)
	case JSON, Doppler, Vault:
		err = r.object(text)
	case YAML:
		err = r.yaml(text)
	case Kubernetes:
		err = r.kubernetes(text)
	case OnePassword:
		err = r.onePassword(text)
	case AWS:
		err = r.aws(text)
	default:
		err = fmt.Errorf("read %s: the formats are %s", format, list(ReadFormats()))
	}
	if err != nil {
		return nil, nil, err
	}
	return r.finish()
}

// reader gathers what one file holds.
type reader struct {
	format   Format
	name     string
	items    []Item
	warnings []string
	// refused is what is at fault with single keys and names: all of it is told at once.
	refused []error
}

func (r *reader) warn(format string, args ...any) {
	r.warnings = append(r.warnings, fmt.Sprintf(format, args...))
}

// fail returns an error about the file.
func (r *reader) fail(fix, why string, args ...any) error {
	return r.failAt(0, fix, why, args...)
}

// failAt returns an error about a line of the file.
func (r *reader) failAt(line int, fix, why string, args ...any) error {
	return &FileError{Format: r.format, Line: line, Why: fmt.Sprintf(why, args...), Fix: fix}
}

// refuse notes what is at fault with a key.
func (r *reader) refuse(inSecret, key, fix, why string, args ...any) {
	r.refused = append(r.refused, &RefusedError{Format: r.format, Secret: inSecret, Key: key, Why: fmt.Sprintf(why, args...), Fix: fix})
}

// checkText refuses what is the text of no format.
func (r *reader) checkText(text []byte) error {
	switch {
	case len(text) > maxText:
		return r.fail("split the file", "it has %d bytes; %d are read at most", len(text), maxText)
	case bytes.HasPrefix(text, []byte("\xff\xfe")) || bytes.HasPrefix(text, []byte("\xfe\xff")):
		return r.fail("save the file as UTF-8", "it is UTF-16")
	case len(bytes.TrimSpace(text)) == 0 && r.format != Env:
		return r.fail("export it again", "it is empty")
	}
	return nil
}

// finish checks what was read as a whole.
func (r *reader) finish() ([]Item, []string, error) {
	seen := map[[2]string]bool{}
	for _, item := range r.items {
		id := [2]string{item.Namespace, item.Name}
		if seen[id] {
			r.refused = append(r.refused, r.fail("keep one of them", "secret %q stands twice", item.Name))
		}
		seen[id] = true
		r.checkItem(item)
	}
	if err := errors.Join(r.refused...); err != nil {
		return nil, nil, err
	}
	return r.items, r.warnings, nil
}

func (r *reader) checkItem(item Item) {
	doing, several := "read "+string(r.format), ""
	if len(r.items) > 1 {
		several = item.Name
	}
	switch {
	case item.Name == "":
		r.refused = append(r.refused, r.fail("say what the secret is called", "the file names no secret"))
	case !isName(item.Name):
		r.refused = append(r.refused, &NameError{Doing: doing, Name: item.Name})
	}
	if len(item.Data) == 0 {
		r.warn("secret %q holds no key", item.Name)
	}
	size := 0
	for _, key := range slices.Sorted(maps.Keys(item.Data)) {
		size += len(item.Data[key])
		if !isKey(key) {
			r.refused = append(r.refused, &NameError{Doing: doing, Secret: several, Name: key, IsKey: true})
		}
	}
	if size > maxData {
		r.refused = append(r.refused, r.fail("keep large files in a store for them, and their place in the secret",
			"secret %q would hold %d bytes; the API server takes %d", item.Name, size, maxData))
	}
}

// add puts a Secret with the data to the others.
func (r *reader) add(name string, data secret.Data) {
	r.items = append(r.items, Item{Name: name, Data: data})
}
