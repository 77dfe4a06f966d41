package secretfile

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// Write returns items as a file. Equal items give equal bytes. All formats but Kubernetes
// hold exactly one Secret.
//
// What the format cannot hold is a *CannotCarryError for each key, joined; a name that
// Kubernetes would not take is a *NameError.
func Write(format Format, items []Item) ([]byte, error) {
	if !slices.Contains(WriteFormats(), format) {
		return nil, fmt.Errorf("write %s: the formats are %s", format, list(WriteFormats()))
	}
	if len(items) == 0 || len(items) > 1 && format != Kubernetes {
		return nil, fmt.Errorf("write %s: the file takes one secret, not %d; only %s takes several", format, len(items), Kubernetes)
	}
	if err := checkWritten(format, items); err != nil {
		return nil, err
	}
	switch format {
	case Env:
		return writeEnv(items[0].Data)
	case JSON:
		return writeJSON(items[0].Data)
	case YAML:
		return writeYAML(items[0].Data)
	case Shell:
		return writeShell(items[0].Data)
	case Docker:
		return writeDocker(items[0].Data)
	default:
		return writeKubernetes(items), nil
	}
}

// checkWritten refuses names that could not be read again.
func checkWritten(format Format, items []Item) error {
	var errs []error
	doing := "write " + string(format)
	seen := map[[2]string]bool{}
	for _, item := range items {
		several := ""
		if len(items) > 1 {
			several = item.Name
		}
		if format == Kubernetes && !isName(item.Name) {
			errs = append(errs, &NameError{Doing: doing, Name: item.Name})
		}
		if seen[[2]string{item.Namespace, item.Name}] {
			errs = append(errs, fmt.Errorf("%s: secret %q is given twice", doing, item.Name))
		}
		seen[[2]string{item.Namespace, item.Name}] = true
		for _, key := range item.Data.Keys() {
			if !isKey(key) {
				errs = append(errs, &NameError{Doing: doing, Secret: several, Name: key, IsKey: true})
			}
		}
	}
	return errors.Join(errs...)
}

// lines returns what line makes of each key, in order. Each reason that it gives instead
// becomes a *CannotCarryError; they are joined.
func lines(format Format, data secret.Data, line func(key string, value []byte) (text, why string)) ([]byte, error) {
	var file []byte
	var errs []error
	for _, key := range data.Keys() {
		text, why := line(key, data[key])
		if why != "" {
			errs = append(errs, &CannotCarryError{Format: format, Key: key, Why: why})
		}
		file = append(file, text...)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return file, nil
}

// list returns the formats as a sentence has them.
func list(formats []Format) string {
	names := make([]string, len(formats))
	for i, format := range formats {
		names[i] = string(format)
	}
	return strings.Join(names, ", ")
}
