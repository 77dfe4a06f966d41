package testenv

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const modulePath = "github.com/dbtether/kubectl-dbtether"

// Root returns the repository's folder: the nearest one, from the working
// directory upwards, whose go.mod declares this module. It reads the file
// system and fails outside the repository.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for start := dir; ; {
		if declaresModule(filepath.Join(dir, "go.mod")) {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", fmt.Errorf("find repository: no go.mod of %s in %q or above", modulePath, start)
		}
		dir = parent
	}
}

func declaresModule(file string) bool {
	f, err := os.Open(file)
	if err != nil {
		return false
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if strings.TrimSpace(lines.Text()) == "module "+modulePath {
			return true
		}
	}
	return false
}

// CacheDir returns the absolute path of the folder that keeps built and
// downloaded servers: $DBTETHER_CACHE, else .cache in the repository. It does
// not create it.
func CacheDir() (string, error) {
	if dir := os.Getenv("DBTETHER_CACHE"); dir != "" {
		return filepath.Abs(dir)
	}
	root, err := Root()
	if err != nil {
		return "", fmt.Errorf("%w; set DBTETHER_CACHE to a folder", err)
	}
	return filepath.Join(root, ".cache"), nil
}
