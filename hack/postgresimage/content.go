package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/dbtether/kubectl-dbtether/hack/compile"
	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

// errMissing says that this machine does not have what the image takes.
var errMissing = errors.New("there is no image of PostgreSQL")

// file is one of the image. Either content or link is set, neither: it is a folder.
type file struct {
	mode    int64
	owner   int
	content []byte
	link    string
}

// content holds the files by their paths, without a slash before them.
type content map[string]file

const (
	home   = "usr/lib/postgresql/18"
	userID = 999 // postgres, as in Docker's image
)

// collect gathers everything that the image holds. It may download the server.
func collect(ctx context.Context, root string) (content, error) {
	bin, err := testenv.FetchPostgreSQL(ctx, 18, nil)
	if err != nil {
		return nil, err
	}
	client, err := findClient()
	if err != nil {
		return nil, err
	}
	c := content{}
	if err := c.addServer(filepath.Dir(bin)); err != nil {
		return nil, err
	}
	// initdb runs the server by a shell.
	for path, from := range map[string]string{"bin/sh": "/bin/sh", "usr/bin/psql": client} {
		if err := c.addFile(path, from, 0o755); err != nil {
			return nil, err
		}
	}
	for _, program := range []string{filepath.Join(bin, "postgres"), filepath.Join(bin, "initdb"), client, "/bin/sh"} {
		if err := c.addLibraries(ctx, program, filepath.Dir(bin)); err != nil {
			return nil, err
		}
	}
	if err := c.addEntrypoint(ctx, root); err != nil {
		return nil, err
	}
	c["etc/passwd"] = file{mode: 0o644, content: fmt.Appendf(nil, "root:x:0:0::/:/bin/sh\npostgres:x:%d:%d::/var/lib/postgresql:/bin/sh\n", userID, userID)}
	c["etc/group"] = file{mode: 0o644, content: fmt.Appendf(nil, "root:x:0:\npostgres:x:%d:\n", userID)}
	c["var/lib/postgresql"] = file{mode: 0o700, owner: userID}
	c["tmp"] = file{mode: 0o1777}
	return c, nil
}

// findClient returns a psql that is a program: Debian's on the PATH is a script.
func findClient() (string, error) {
	candidates, _ := filepath.Glob("/usr/lib/postgresql/*/bin/psql")
	slices.Reverse(candidates)
	if path, err := exec.LookPath("psql"); err == nil {
		candidates = append(candidates, path)
	}
	for _, candidate := range candidates {
		path, err := filepath.EvalSymlinks(candidate)
		if err != nil {
			continue
		}
		text, err := os.ReadFile(path)
		if err == nil && bytes.HasPrefix(text, []byte("\x7fELF")) {
			return path, nil
		}
	}
	return "", fmt.Errorf("%w: psql is not installed", errMissing)
}

// addServer adds the programs, libraries and data of a relocatable server.
func (c content) addServer(from string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasSuffix(path, ".a") {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		name = home + "/" + filepath.ToSlash(name)
		if entry.Type()&fs.ModeSymlink != 0 {
			to, err := os.Readlink(path)
			c[name] = file{mode: 0o777, link: to}
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		return c.addFile(name, path, int64(info.Mode().Perm()))
	})
}

func (c content) addFile(name, from string, mode int64) error {
	text, err := os.ReadFile(from)
	c[name] = file{mode: mode, content: text}
	return err
}

// library is the path in a line of ldd.
var library = regexp.MustCompile(`(?m)^\s+(?:\S+ => )?(/\S+) \(0x`)

// addLibraries adds what a program is linked with, at the paths where it finds it, but for
// what stands in a folder that is in the image already.
func (c content) addLibraries(ctx context.Context, program, but string) error {
	said, err := exec.CommandContext(ctx, "ldd", program).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: ldd %s: %w: %s", errMissing, program, err, said)
	}
	if strings.Contains(string(said), "not found") {
		return fmt.Errorf("%w: %s lacks libraries:\n%s", errMissing, program, said)
	}
	for _, match := range library.FindAllStringSubmatch(string(said), -1) {
		path := filepath.Clean(match[1])
		if strings.HasPrefix(path, but+"/") {
			continue
		}
		if err := c.addFile(strings.TrimPrefix(path, "/"), path, 0o755); err != nil {
			return err
		}
	}
	return nil
}

const entrypoint = "usr/local/bin/docker-entrypoint"

func (c content) addEntrypoint(ctx context.Context, root string) (err error) {
	work, err := os.MkdirTemp("", "dbtether-postgresimage-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	program := filepath.Join(work, "postgres")
	if err := (compile.Program{Package: "./hack/e2e/postgres", OS: "linux", Arch: runtime.GOARCH, Version: "e2e"}).To(ctx, root, program); err != nil {
		return err
	}
	return c.addFile(entrypoint, program, 0o755)
}
