package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
)

// inspectChecksums checks that checksums.txt names every other file of the release with
// its hash, and nothing else, and that all files lie side by side: a release page has no
// folders.
func inspectChecksums(dist string) error {
	names, err := filesOf(dist)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(dist, "checksums.txt"))
	if err != nil {
		return err
	}
	var listed []string
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		sum, name, found := strings.Cut(lines.Text(), "  ")
		if !found || name != filepath.Base(name) {
			return fmt.Errorf("checksums.txt: %q is not a hash and the name of a file", lines.Text())
		}
		content, err := os.ReadFile(filepath.Join(dist, name))
		if err != nil {
			return fmt.Errorf("checksums.txt: %w", err)
		}
		if got := fmt.Sprintf("%x", sha256.Sum256(content)); got != sum {
			return fmt.Errorf("checksums.txt: %s is %s, not %s", name, got, sum)
		}
		listed = append(listed, name)
	}
	present := slices.DeleteFunc(names, func(name string) bool { return name == "checksums.txt" })
	if slices.Sort(listed); !reflect.DeepEqual(listed, present) {
		return fmt.Errorf("checksums.txt names %q, the release holds %q", listed, present)
	}
	return nil
}
