package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
)

// use runs the plugin that krew has installed in root as a user would: through
// kubectl, which finds it in the folder that krew tells users to put on PATH.
func (k krew) use(ctx context.Context, root, version string, log func(format string, a ...any)) error {
	kubectl := func(args ...string) (string, error) { return k.kubectlOf(ctx, root, args...) }
	said, err := kubectl("dbtether", "version")
	if err != nil {
		return err
	}
	if want := "Client Version: " + version + "\n"; said != want {
		return fmt.Errorf("kubectl dbtether version: got %q, want %q", said, want)
	}
	log("kubectl dbtether version: %s", strings.TrimSpace(said))

	if said, err = kubectl("dbtether", "completion", "install"); err != nil {
		return err
	}
	log("kubectl dbtether completion install: %s", strings.TrimSpace(said))

	if said, err = kubectl("__complete", "dbtether", "db", "d"); err != nil {
		return err
	}
	if got, want := completions(said), []string{"delete", "describe"}; !reflect.DeepEqual(got, want) {
		return fmt.Errorf("kubectl __complete dbtether db d: got %q, want %q, from:\n%s", got, want, said)
	}
	log("kubectl __complete dbtether db d: delete, describe")
	return nil
}

// completions returns the words of what cobra's __complete prints, sorted: lines
// of a word, a tab and a description, and a last one with a colon and a number.
func completions(said string) []string {
	var words []string
	for _, line := range strings.Split(said, "\n") {
		word, _, _ := strings.Cut(line, "\t")
		if word != "" && !strings.HasPrefix(word, ":") {
			words = append(words, word)
		}
	}
	slices.Sort(words)
	return words
}

// kubectlOf runs kubectl with the plugins that krew has installed in root, and returns
// what it prints.
func (k krew) kubectlOf(ctx context.Context, root string, args ...string) (string, error) {
	var out, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, k.kubectl, args...)
	cmd.Stdout, cmd.Stderr = &out, &stderr
	cmd.Env = k.environment(filepath.Join(root, "bin") + string(os.PathListSeparator) + k.path)
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("kubectl %s: %w\n%s%s", strings.Join(args, " "), err, out.Bytes(), stderr.Bytes())
	}
	return out.String(), nil
}
