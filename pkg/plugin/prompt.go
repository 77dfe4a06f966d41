package plugin

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// confirmName lets the user type name before something is destroyed; question
// says what. With yes it asks nothing. Without a terminal it refuses: exit code 2.
func (e *Environment) confirmName(ctx context.Context, question, name string, yes bool) error {
	if yes {
		return nil
	}
	if !e.Terminal.In || !e.Terminal.Err {
		return Hinted(Usagef("%s: this has to be confirmed, and there is no terminal to ask on", question), "add --yes")
	}
	fmt.Fprintf(e.ErrOut, "%s?\nType %s to confirm: ", question, name)
	typed, err := e.readLine(ctx)
	if err != nil {
		return err
	}
	if typed != name {
		return Hinted(fmt.Errorf("%q is not %q: nothing was done", typed, name), "type the name exactly, or add --yes")
	}
	return nil
}

// asks reports whether there is a terminal to ask on, and nobody has said yes.
func (e *Environment) asks(yes bool) bool { return !yes && e.Terminal.In && e.Terminal.Err }

// confirm asks a question, and reports whether the answer is y or yes. It is for what can
// be undone: with yes, or without a terminal, it asks nothing and reports true.
func (e *Environment) confirm(ctx context.Context, question string, yes bool) (bool, error) {
	if !e.asks(yes) {
		return true, nil
	}
	fmt.Fprintf(e.ErrOut, "%s? [y/N] ", question)
	typed, err := e.readLine(ctx)
	typed = strings.ToLower(typed)
	return typed == "y" || typed == "yes", err
}

// readLine returns what is typed, without the spaces around it. At the end of the input it
// is what there is.
func (e *Environment) readLine(ctx context.Context) (string, error) {
	typed, err := interruptible(ctx, func() (string, error) {
		line, err := bufio.NewReader(e.In).ReadString('\n')
		if errors.Is(err, io.EOF) { // nobody has ended the line
			fmt.Fprintln(e.ErrOut)
			err = nil
		}
		return strings.TrimSpace(line), err
	})
	if err != nil {
		fmt.Fprintln(e.ErrOut)
	}
	return typed, err
}

// interruptKey is what a terminal has for Ctrl-C where that is no signal.
const interruptKey = "\x03"

// readHidden asks for a value that the terminal does not show. Without a
// terminal it refuses: exit code 2.
func (e *Environment) readHidden(ctx context.Context, prompt string) (string, error) {
	file, ok := e.In.(*os.File)
	if !ok || !e.Terminal.In || !e.Terminal.Err {
		return "", Usagef("%s: there is no terminal to ask on", prompt)
	}
	fd := int(file.Fd())
	// The echo goes before the prompt comes: ReadPassword turns it off too, but only
	// after the prompt is there and someone may already type, or paste.
	state, err := term.MakeRaw(fd)
	if err != nil {
		return "", err
	}
	fmt.Fprintf(e.ErrOut, "%s: ", prompt)
	value, err := interruptible(ctx, func() (string, error) {
		bytes, err := term.ReadPassword(fd)
		return string(bytes), err
	})
	err = errors.Join(err, term.Restore(fd, state))
	if strings.Contains(value, interruptKey) { // typed before ReadPassword let it be a signal
		err = errors.Join(err, errors.New("interrupted"))
	}
	fmt.Fprintln(e.ErrOut)
	return value, err
}

// interruptible returns what read returns, or earlier with the error of ctx. The
// read of a terminal cannot be cancelled: it then ends with the process.
func interruptible(ctx context.Context, read func() (string, error)) (string, error) {
	type answer struct {
		text string
		err  error
	}
	answers := make(chan answer, 1)
	go func() {
		text, err := read()
		answers <- answer{text, err}
	}()
	select {
	case a := <-answers:
		return a.text, a.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}
