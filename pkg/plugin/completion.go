package plugin

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"github.com/spf13/cobra"
)

func newCompletionCommand(env *Environment) *cobra.Command {
	cmd := newNoun("completion", "Completion for shells and for kubectl",
		newShellCommand(env, "bash", func(root *cobra.Command, out io.Writer) error { return root.GenBashCompletionV2(out, true) }),
		newShellCommand(env, "zsh", (*cobra.Command).GenZshCompletion),
		newShellCommand(env, "fish", func(root *cobra.Command, out io.Writer) error { return root.GenFishCompletion(out, true) }),
		newShellCommand(env, "powershell", (*cobra.Command).GenPowerShellCompletionWithDesc),
		newCompletionInstallCommand(env),
	)
	cmd.Long = `Completion for shells and for kubectl.

After "completion install" the completion of kubectl itself completes
"kubectl dbtether" too. The other commands print a script that completes the bare
program kubectl-dbtether.`
	return cmd
}

func newShellCommand(env *Environment, shell string, generate func(*cobra.Command, io.Writer) error) *cobra.Command {
	return &cobra.Command{
		Use:   shell,
		Short: "Print the completion script for " + shell,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return generate(cmd.Root(), env.Out)
		},
	}
}

func newCompletionInstallCommand(env *Environment) *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "install [--dir DIR]",
		Short: "Let kubectl's own completion complete this plugin",
		Long: `Write kubectl_complete-dbtether, which kubectl runs for completions of this plugin.

It is a link to this very program (on Windows a copy), where kubectl finds it in PATH,
or in --dir, which then has to be in PATH.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			program, err := ownProgram()
			if err != nil {
				return fmt.Errorf("find the own program: %w", err)
			}
			said, err := installCompleter(program, dir, runtime.GOOS)
			if err != nil {
				return err
			}
			fmt.Fprintln(env.Out, said)
			return nil
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "folder to write to; that of this program where unset")
	return cmd
}

// ownProgram returns the path under which kubectl finds this program. krew keeps
// programs in a folder for each version, and links to them in one that is in PATH:
// what is made beside the link is found, and outlives an upgrade.
func ownProgram() (string, error) {
	program, err := os.Executable()
	if err != nil {
		return "", err
	}
	found, err := exec.LookPath("kubectl-dbtether")
	if err != nil {
		return program, nil
	}
	if found, err = filepath.Abs(found); err != nil {
		return "", err
	}
	a, errA := os.Stat(program)
	b, errB := os.Stat(found)
	if errA == nil && errB == nil && os.SameFile(a, b) {
		return found, nil
	}
	return program, nil
}

// installCompleter makes the completer in dir, by default beside program, and returns a
// sentence about what it did. A link that is there, to an older version, is replaced;
// another file is an error.
func installCompleter(program, dir, goos string) (said string, err error) {
	if dir == "" {
		dir = filepath.Dir(program)
	}
	target := filepath.Join(dir, completer)
	if goos == "windows" {
		said, err = copyCompleter(program, target+".exe")
	} else {
		said, err = linkCompleter(program, target)
	}
	if errors.Is(err, fs.ErrExist) {
		return "", Hinted(err, "see what that file is, and remove it if nobody needs it; or choose another folder of PATH with --dir")
	}
	return said, Hinted(err, "choose a writable folder of PATH with --dir")
}

func linkCompleter(program, target string) (string, error) {
	if present, err := os.Readlink(target); err == nil {
		if present == program {
			return fmt.Sprintf("%s is there already", target), nil
		}
		if err := os.Remove(target); err != nil {
			return "", err
		}
	}
	if err := os.Symlink(program, target); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s links to %s", target, program), nil
}

func copyCompleter(program, target string) (string, error) {
	source, err := os.Open(program)
	if err != nil {
		return "", err
	}
	defer source.Close()
	copied, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o755) //nolint:gosec // a program has to be executable
	if err != nil {
		return "", err
	}
	_, err = io.Copy(copied, source)
	if err := errors.Join(err, copied.Close()); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s is a copy of %s", target, program), nil
}
