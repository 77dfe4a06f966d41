package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dbtether/kubectl-dbtether/hack/history"
)

func TestMissingLeavesOnlyTheReason(t *testing.T) {
	to := target{out: t.TempDir()}
	if err := errors.Join(to.clear(), os.WriteFile(to.image("webhook"), nil, 0o600), os.WriteFile(to.plugin(), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := to.missing(history.ErrMissing); err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, pattern := range []string{"*", "*/*"} {
		found, err := filepath.Glob(filepath.Join(to.out, pattern))
		if err != nil {
			t.Fatal(err)
		}
		left = append(left, found...)
	}
	if want := []string{to.folder(), filepath.Join(to.folder(), "missing")}; strings.Join(left, "\n") != strings.Join(want, "\n") {
		t.Errorf("left are %q", left)
	}
}
