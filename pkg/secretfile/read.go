package secretfile

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// maxText is how much text is read of one file: more than many Secrets need.
const maxText = 64 << 20

// Read returns the Secrets of a file, and warnings for whoever imports them. It returns all
// of them or an error: a *FileError where the file is not of the format or not whole, else a
// *RefusedError or *NameError for each key or name that is wrong, joined.
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
	// refused is what is wrong with single keys and names: all of it is told at once.
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

// refuse notes what is wrong with a key.
func (r *reader) refuse(inSecret, key, fix, why string, args ...any) {
	r.refused = append(r.refused, &RefusedError{Format: r.format, Secret: inSecret, Key: key, Why: fmt.Sprintf(why, args...), Fix: fix})
}

// checkText refuses text that no format can have.
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

// finish checks all that was read, and returns it.
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
	for _, key := range item.Data.Keys() {
		if !isKey(key) {
			r.refused = append(r.refused, &NameError{Doing: doing, Secret: several, Name: key, IsKey: true})
		}
	}
	if size := item.Data.Size(); size > corev1.MaxSecretSize {
		r.refused = append(r.refused, r.fail("keep large files in a store for them, and their place in the secret",
			"secret %q would hold %d bytes; the API server takes %d", item.Name, size, corev1.MaxSecretSize))
	}
}

// add notes a Secret that was read.
func (r *reader) add(name string, data secret.Data) {
	r.items = append(r.items, Item{Name: name, Data: data})
}

// named returns the name of a Secret that another tool has a title for. The only one of a file
// gets the name that the caller gave, if there is one.
func (r *reader) named(title string, only bool) string {
	if only && r.name != "" {
		return r.name
	}
	name := deriveName(title)
	if name == "" {
		name = title
	}
	if name != title {
		r.warn("%q becomes the secret %q", title, name)
	}
	return name
}

// found returns, for an error about a file without Secrets, what it holds instead.
func found(warnings []string) string {
	if len(warnings) == 0 {
		return ""
	}
	return ": " + strings.Join(warnings, "; ")
}
