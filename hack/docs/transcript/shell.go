package transcript

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

// Shell is a bash that runs what it is given, one after another, as a person's would:
// variables, functions and the current folder stay.
type Shell struct {
	dir     string // holds the file of what is being run
	cmd     *exec.Cmd
	release func()
	in      io.WriteCloser
	out     *bufio.Reader
	printed *os.File // the pipe that out reads
	steps   int
}

// StartShell starts one in a folder with exactly this environment. It ends at Close, or
// with this process.
func StartShell(folder string, environment []string) (shell *Shell, err error) {
	dir, err := os.MkdirTemp("", "dbtether-docs-shell-")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer write.Close()
	defer func() {
		if err != nil {
			_ = read.Close()
		}
	}()
	s := &Shell{dir: dir, cmd: exec.Command("bash", "--noprofile", "--norc"), out: bufio.NewReader(read), printed: read}
	s.cmd.Dir, s.cmd.Env = folder, environment
	// One pipe for both streams keeps their order. The group is for what is left in the background.
	s.cmd.Stdout, s.cmd.Stderr = write, write
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if s.in, err = s.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if s.release, err = testenv.StartBound(s.cmd, syscall.SIGKILL); err != nil {
		return nil, fmt.Errorf("start a shell: %w", err)
	}
	return s, nil
}

// untilFailure ends a script with the code of its first command that fails.
const untilFailure = "trap 'code=$?; trap - ERR; return $code' ERR\n"

// Command runs one command line and returns what it printed and its exit code. There is
// nothing to be read on its stdin.
func (s *Shell) Command(ctx context.Context, text string) (printed string, code int, err error) {
	return s.run(ctx, text+"\n")
}

// Script runs lines until one fails. Its error quotes what was printed.
func (s *Shell) Script(ctx context.Context, text string) error {
	printed, code, err := s.run(ctx, untilFailure+text+"\ntrap - ERR\n")
	if err == nil && code != 0 {
		err = fmt.Errorf("exit code %d", code)
	}
	if err != nil {
		return fmt.Errorf("%w\n%s", err, strings.TrimSpace(printed))
	}
	return nil
}

func (s *Shell) run(ctx context.Context, text string) (printed string, code int, err error) {
	s.steps++
	file := filepath.Join(s.dir, "step-"+strconv.Itoa(s.steps))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return "", 0, err
	}
	stop := context.AfterFunc(ctx, s.kill)
	defer stop()
	// What is printed ends with a byte that nothing else prints.
	if _, err := fmt.Fprintf(s.in, ". '%s' </dev/null\nprintf '\\0%%d\\n' $?\n", file); err != nil {
		return "", 0, fmt.Errorf("the shell is gone: %w", err)
	}
	printed, err = s.out.ReadString(0)
	if err == nil {
		var last string
		last, err = s.out.ReadString('\n')
		code, _ = strconv.Atoi(strings.TrimSpace(last))
	}
	if ctx.Err() != nil {
		return printed, 0, fmt.Errorf("it does not end: %w", ctx.Err())
	}
	if err != nil {
		return printed, 0, errors.New("it ended the shell")
	}
	return strings.TrimSuffix(printed, "\x00"), code, nil
}

func (s *Shell) kill() { _ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL) }

// Close ends the shell and what it left in the background.
func (s *Shell) Close() error {
	s.kill()
	_ = s.cmd.Wait()
	s.release()
	_ = s.printed.Close()
	return os.RemoveAll(s.dir)
}
