package plugin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/dbtether/kubectl-dbtether/pkg/secretfile"
)

// maxImport is how many bytes are read of a file, or of the files of a directory.
const maxImport = 64 << 20

// stdin is the name of a file that is none.
const stdin = "-"

// read returns the Secrets of what -f names, and warns of what should be known of them. It
// gives all of them or an error.
func (c *secretImport) read(ctx context.Context, env *Environment, name string) ([]secretfile.Item, error) {
	if c.file == stdin {
		text, err := interruptible(ctx, func() (string, error) { return readBounded(env.In) })
		if err != nil {
			return nil, fmt.Errorf("read stdin: %w", err)
		}
		return c.parse(env, name, "", []byte(text))
	}
	info, err := os.Stat(c.file)
	if err != nil {
		return nil, Hinted(fmt.Errorf("import: %w", err), "-f takes a file, a directory, or - for stdin")
	}
	if info.IsDir() {
		return c.readDirectory(env, name)
	}
	file, err := os.Open(c.file)
	if err != nil {
		return nil, fmt.Errorf("import: %w", err)
	}
	defer file.Close()
	text, err := readBounded(file)
	if err != nil {
		return nil, fmt.Errorf("import: %w", err)
	}
	return c.parse(env, name, c.file, []byte(text))
}

// readBounded reads at most one byte more than what is imported at most: that many are
// refused by whoever parses them.
func readBounded(from io.Reader) (string, error) {
	text, err := io.ReadAll(io.LimitReader(from, maxImport+1))
	return string(text), err
}

// shownFile returns what a file is called in messages.
func shownFile(path string) string {
	if path == "" {
		return "stdin"
	}
	return path
}

// parse returns the Secrets of one file; its path is empty for stdin.
func (c *secretImport) parse(env *Environment, name, path string, text []byte) ([]secretfile.Item, error) {
	format := secretfile.Format(c.format)
	if format == "" {
		found, err := secretfile.Detect(path, text)
		if err != nil {
			return nil, fmt.Errorf("import %s: %w", shownFile(path), err)
		}
		format = found
	}
	if name == "" && !namesSecrets(format) {
		return nil, Hinted(Usagef("import %s: a file of the format %s does not say what the Secret is called", shownFile(path), format),
			"name it: kubectl dbtether secret import NAME -f %s", c.file)
	}
	items, warnings, err := secretfile.Read(format, name, text)
	if err != nil {
		return nil, fmt.Errorf("import %s: %w", shownFile(path), err)
	}
	for _, warning := range warnings {
		env.warn("%s: %s", shownFile(path), warning)
	}
	names := make([]string, len(items))
	for i, item := range items {
		names[i] = item.Name
	}
	if name != "" && !slices.Equal(names, []string{name}) {
		return nil, Hinted(Usagef("import %s: the file names its Secrets itself: %s", shownFile(path), listed(names)), "leave %s out", name)
	}
	return items, nil
}

// namesSecrets reports whether files of a format may name their Secrets.
func namesSecrets(format secretfile.Format) bool {
	return slices.Contains([]secretfile.Format{secretfile.Kubernetes, secretfile.OnePassword, secretfile.AWS}, format)
}

// readDirectory returns the Secret whose keys are the files of a directory, or those whose
// manifests they are where no name is given.
func (c *secretImport) readDirectory(env *Environment, name string) ([]secretfile.Item, error) {
	manifests := name == ""
	if c.format != "" && (!manifests || c.format != string(secretfile.Kubernetes)) {
		return nil, Hinted(Usagef("--format %s is for a file, and %s is a directory", c.format, c.file),
			"leave it out: with NAME each file is a key, without NAME manifests are read")
	}
	files, err := c.filesOf(env, manifests)
	if err != nil {
		return nil, err
	}
	if manifests {
		return c.readManifests(env, files)
	}
	contents := map[string][]byte{}
	for _, file := range files {
		contents[file.name] = file.text
		if isManifest(file) && mayHoldSecrets.Match(file.text) {
			env.warn("%s looks like a manifest, and becomes the key %q: without NAME the Secrets in it are imported", filepath.Join(c.file, file.name), file.name)
		}
	}
	item, warnings, err := secretfile.FromDirectory(name, contents)
	if err != nil {
		return nil, fmt.Errorf("import %s: %w", c.file, err)
	}
	for _, warning := range warnings {
		env.warn("%s: %s", c.file, warning)
	}
	return []secretfile.Item{item}, nil
}

// directoryFile is a file of a directory.
type directoryFile struct {
	name string
	text []byte
}

// filesOf reads the files of the directory, by name. Of manifests it reads what kubectl
// apply -f reads.
func (c *secretImport) filesOf(env *Environment, manifests bool) ([]directoryFile, error) {
	entries, err := os.ReadDir(c.file)
	if err != nil {
		return nil, fmt.Errorf("import: %w", err)
	}
	var files []directoryFile
	var size int64
	for _, entry := range entries {
		name, path := entry.Name(), filepath.Join(c.file, entry.Name())
		if strings.HasPrefix(name, "..") || manifests && !slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(name)) {
			continue
		}
		info, err := os.Stat(path) // in a volume of Kubernetes the files are links
		if err != nil {
			return nil, fmt.Errorf("import: %w", err)
		}
		if !info.Mode().IsRegular() {
			env.warn("%s is %s and is left out", path, kindOfFile(info))
			continue
		}
		if size += info.Size(); size > maxImport {
			return nil, Hinted(fmt.Errorf("import %s: its files have more than %d bytes, which is what is read at most", c.file, maxImport), "see whether it is the directory that you mean")
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("import: %w", err)
		}
		files = append(files, directoryFile{name, text})
	}
	return files, nil
}

func kindOfFile(info fs.FileInfo) string {
	if info.IsDir() {
		return "a directory"
	}
	return "no ordinary file"
}

// isManifest reports whether a file holds objects of Kubernetes.
func isManifest(file directoryFile) bool {
	format, err := secretfile.Detect(file.name, file.text)
	return err == nil && format == secretfile.Kubernetes
}

// mayHoldSecrets finds the kinds of objects that are Secrets, or hold some.
var mayHoldSecrets = regexp.MustCompile(`\bkind["']?\s*:\s*["']?(Secret|SecretList|List)\b`)

// readManifests returns the Secrets of manifests. A file that holds only other objects is
// left out, with a warning.
func (c *secretImport) readManifests(env *Environment, files []directoryFile) ([]secretfile.Item, error) {
	manifests := secretImport{file: c.file, format: string(secretfile.Kubernetes)}
	var items []secretfile.Item
	var errs []error
	for _, file := range files {
		path := filepath.Join(c.file, file.name)
		if isManifest(file) && !mayHoldSecrets.Match(file.text) {
			env.warn("%s holds no Secret and is left out", path)
			continue
		}
		found, err := manifests.parse(env, "", path, file.text)
		items, errs = append(items, found...), append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if len(items) == 0 {
		return nil, Hinted(fmt.Errorf("import %s: the directory has no manifest of a Secret: no such *.yaml, *.yml or *.json", c.file),
			"to import each file as a key, name the Secret: kubectl dbtether secret import NAME -f %s", c.file)
	}
	return items, nil
}
