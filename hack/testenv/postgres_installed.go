package testenv

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const (
	oldestPostgreSQL  = 14
	defaultPostgreSQL = 18
)

// installation is a folder that has initdb and postgres.
type installation struct {
	binDir string
	major  int
	full   string // as in "18.4"
}

var postgresVersion = regexp.MustCompile(`\(PostgreSQL\) ((\d+)\S*)`)

// inspectInstallation runs `postgres --version`, and fails unless initdb stands
// beside it.
func inspectInstallation(ctx context.Context, binDir string) (installation, error) {
	if !isExecutable(filepath.Join(binDir, "initdb")) {
		return installation{}, fmt.Errorf("inspect %q: no initdb there", binDir)
	}
	out, err := exec.CommandContext(ctx, filepath.Join(binDir, "postgres"), "--version").Output()
	if err != nil {
		return installation{}, fmt.Errorf("inspect %q: %w", binDir, err)
	}
	match := postgresVersion.FindStringSubmatch(string(out))
	if match == nil {
		return installation{}, fmt.Errorf("inspect %q: unexpected version %q", binDir, out)
	}
	major, err := strconv.Atoi(match[2])
	return installation{binDir: binDir, major: major, full: match[1]}, err
}

// installedPostgreSQL returns the first usable installation of the machine, of
// the given major version or, for 0, of any that dbtether supports.
func installedPostgreSQL(ctx context.Context, major int) (installation, bool) {
	for _, dir := range installationDirs(ctx) {
		found, err := inspectInstallation(ctx, dir)
		if err != nil {
			continue
		}
		if found.major == major || major == 0 && found.major >= oldestPostgreSQL {
			return found, true
		}
	}
	return installation{}, false
}

// installationDirs lists where servers usually are, the one on PATH first, then
// newer before older.
func installationDirs(ctx context.Context) []string {
	var dirs []string
	if path, err := exec.LookPath("postgres"); err == nil {
		// Often a link; initdb and the libraries are where it points.
		if real, err := filepath.EvalSymlinks(path); err == nil {
			dirs = append(dirs, filepath.Dir(real))
		}
	}
	if out, err := exec.CommandContext(ctx, "pg_config", "--bindir").Output(); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(out)))
	}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin", // Debian
		"/usr/pgsql-*/bin",          // Red Hat
		"/opt/homebrew/opt/postgresql@*/bin",
		"/usr/local/opt/postgresql@*/bin",
		"/opt/homebrew/opt/postgresql/bin",
		"/usr/local/opt/postgresql/bin",
	} {
		found, _ := filepath.Glob(pattern)
		slices.Reverse(found)
		dirs = append(dirs, found...)
	}
	return dirs
}

// findPostgreSQL returns the binaries to run, downloading them if need be.
func findPostgreSQL(ctx context.Context, major int, log logFunc) (installation, error) {
	if major == 0 {
		if found, ok := installedPostgreSQL(ctx, 0); ok {
			return found, nil
		}
		major = defaultPostgreSQL
	}
	downloaded, err := downloadPostgreSQL(ctx, major, log)
	if err == nil {
		return downloaded, nil
	}
	if found, ok := installedPostgreSQL(ctx, major); ok && ctx.Err() == nil {
		log("using the installed PostgreSQL %s of %s: %v", found.full, found.binDir, err)
		return found, nil
	}
	return installation{}, err
}
