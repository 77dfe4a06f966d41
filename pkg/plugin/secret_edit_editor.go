package plugin

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"
)

// editor returns the command of the editor as it is configured, and its words, after
// which comes the file. It is that of kubectl edit: $KUBE_EDITOR, else $EDITOR, else vi,
// or notepad.
func (e *Environment) editor() (command string, words []string) {
	windows := runtime.GOOS == "windows"
	command = "vi"
	if windows {
		command = "notepad"
	}
	for _, variable := range []string{"EDITOR", "KUBE_EDITOR"} {
		if chosen := strings.TrimSpace(e.Getenv(variable)); chosen != "" {
			command = chosen
		}
	}
	return command, editorWords(command, windows)
}

// editorWords returns the words of a command. What is more than words is left to the
// shell; on Windows double quotes keep a path together, and a backslash is one of a path.
func editorWords(command string, windows bool) []string {
	switch {
	case windows:
		quoted := false
		return strings.FieldsFunc(command, func(r rune) bool {
			if r == '"' {
				quoted = !quoted
			}
			return r == '"' || r == ' ' && !quoted
		})
	case strings.ContainsAny(command, `"'\$~`):
		return []string{"sh", "-c", command + ` "$@"`, "sh"}
	default:
		return strings.Fields(command)
	}
}

// editorGrace is how long an editor may take to end once it was told to.
const editorGrace = 2 * time.Second

// runEditor runs the editor with our streams and waits for it. Ctrl-C and Ctrl-\ are the
// editor's, which the terminal sends them to as well; any other signal is passed on and
// ends the edit. The error completes `editor "x" …`. The terminal is then as it was.
func (e *Environment) runEditor(ctx context.Context, words []string, signals <-chan os.Signal) error {
	if file, ok := e.In.(*os.File); ok && e.Terminal.In {
		if state, err := term.GetState(int(file.Fd())); err == nil {
			defer func() { _ = term.Restore(int(file.Fd()), state) }()
		}
	}
	// Not bound to ctx, which an interrupt cancels.
	editor := exec.CommandContext(context.WithoutCancel(ctx), words[0], words[1:]...)
	editor.Stdin, editor.Stdout, editor.Stderr = e.In, e.Out, e.ErrOut
	if err := editor.Start(); err != nil {
		return Hinted(fmt.Errorf("cannot be started: %w", err), "name an editor in KUBE_EDITOR or EDITOR, with the argument that makes it wait: 'code --wait'")
	}
	var err error
	ended := make(chan struct{})
	go func() {
		err = editor.Wait()
		close(ended)
	}()
	for {
		select {
		case <-ended:
			return ending(err, signals)
		case received := <-signals:
			if ends(received) {
				stop(editor.Process, received, ended)
				return fmt.Errorf("was stopped (%v)", received)
			}
		}
	}
}

// stop passes a signal on, and kills an editor that does not end of it.
func stop(editor *os.Process, received os.Signal, ended <-chan struct{}) {
	_ = editor.Signal(received) // where there is no such signal it is killed
	select {
	case <-ended:
	case <-time.After(editorGrace):
		_ = editor.Kill()
		<-ended
	}
}

// ends reports whether a signal ends us, and is not a key for the editor.
func ends(s os.Signal) bool { return s != os.Interrupt && s != syscall.SIGQUIT }

// ending returns what the end of an editor means, if no signal came together with it.
func ending(err error, signals <-chan os.Signal) error {
	for range len(signals) {
		if received := <-signals; ends(received) {
			return fmt.Errorf("was stopped (%v)", received)
		}
	}
	var exit *exec.ExitError
	switch {
	case !errors.As(err, &exit):
		return err
	case exit.ExitCode() < 0:
		return fmt.Errorf("was ended (%v)", exit.ProcessState)
	default:
		return fmt.Errorf("exited with %d", exit.ExitCode())
	}
}
