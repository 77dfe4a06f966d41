package plugin

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/dbtether/kubectl-dbtether/pkg/revision"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// editSession is one text in an editor, until it can be read or is given up.
type editSession struct {
	env     *Environment
	seen    *revision.Standing
	command string
	words   []string
	file    string
	signals chan os.Signal
}

// editsOfScript is how often the editor is opened where stdin is no terminal: a script does
// not read what is wrong with its text, and would make the same mistake for ever.
const editsOfScript = 3

// editText lets somebody edit what a Secret holds, and returns what it is to hold; nil
// where she changed nothing. When it returns there is no trace of the text on disk; where
// something stayed a warning says so.
func (e *Environment) editText(ctx context.Context, seen *revision.Standing) (secret.Data, error) {
	s := editSession{env: e, seen: seen, signals: make(chan os.Signal, 8)}
	s.command, s.words = e.editor()
	// From here on no signal ends this process before the text is gone.
	signal.Notify(s.signals, os.Interrupt, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(s.signals)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	places := []string{e.Getenv("XDG_RUNTIME_DIR"), "/dev/shm", os.TempDir()}
	for _, err := range removeAbandonedEdits(places) {
		e.warn("%v", err)
	}
	folder, err := newEditFolder(places)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err := wipe(folder); err != nil {
			e.warn("%v: it holds what secret %q holds: remove it", err, seen.Name)
		}
	}()
	s.file = filepath.Join(folder, "secret.yaml")
	return s.edit(ctx)
}

// edit opens the editor until its text can be read.
func (s *editSession) edit(ctx context.Context) (secret.Data, error) {
	original := editedText(s.seen.Live.Data)
	body := original
	var problem *textError
	for opened := 1; ; opened++ {
		header := s.header(problem)
		saved, err := s.open(ctx, header, body)
		if err != nil {
			return nil, err
		}
		if saved == original || blank(saved) {
			return nil, nil
		}
		again := problem != nil && saved == body
		edited, err := parseEdited(saved)
		if !errors.As(err, &problem) {
			return edited, err
		}
		if again || opened == editsOfScript && !s.env.Terminal.In {
			return nil, s.invalid(problem.below(header))
		}
		body = saved
	}
}

// invalid says that the editing ends without a text that can be read.
func (s *editSession) invalid(problem error) error {
	return Hinted(fmt.Errorf("edit secret %q: %w: nothing was changed", s.seen.Name, problem),
		"edit it again: what you edited is not kept")
}

// header returns the comment at the top of a text, after what was wrong with the last one.
func (s *editSession) header(problem *textError) []string {
	var lines []string
	if problem != nil {
		lines = []string{"", "# Nothing is changed yet. Saving this text as it is gives up.", "#"}
	}
	held := "no revision yet"
	switch number := s.seen.Revision(); {
	case number > 0 && s.seen.External():
		held = fmt.Sprintf("changed by something else since revision %d", number)
	case number > 0:
		held = fmt.Sprintf("revision %d", number)
	}
	lines = append(lines,
		fmt.Sprintf("# Secret %s in namespace %s, %s.", s.seen.Name, s.seen.Namespace, held),
		"# KEY: value, for each key. Values are text, also without quotes: 5, yes, null.",
		`# Quote one that begins or ends with a space, holds ": " or " #", or begins with a`,
		"# sign. Several lines: | after the colon, and each line indented by two spaces.",
		"# Only keys that you change, add or remove are written. An empty file, or saving",
		"# nothing, changes nothing.",
	)
	if problem != nil {
		lines[0] = "# " + problem.below(lines).Error()
	}
	return lines
}

// open writes a text, lets the editor work on it, and returns it without the header.
func (s *editSession) open(ctx context.Context, header []string, body string) (string, error) {
	text := strings.Join(header, "\n") + "\n" + body
	if err := os.WriteFile(s.file, []byte(text), 0o600); err != nil {
		return "", fmt.Errorf("write the text to edit: %w", err)
	}
	if err := s.env.runEditor(ctx, append(slices.Clone(s.words), s.file), s.signals); err != nil {
		return "", fmt.Errorf("editor %q %w: nothing was changed", s.command, err)
	}
	saved, err := os.ReadFile(s.file)
	if err != nil {
		return "", fmt.Errorf("read the edited text: %w", err)
	}
	// Editors of Windows may begin it with a mark.
	return withoutHeader(strings.TrimPrefix(string(saved), "\ufeff"), header), nil
}

// withoutHeader returns a text without those lines at its top that are ours, so that the
// comments of others stay.
func withoutHeader(text string, header []string) string {
	for _, ours := range header {
		line, rest, _ := strings.Cut(text, "\n")
		if strings.TrimSuffix(line, "\r") == ours {
			text = rest
		}
	}
	return text
}

// blank reports whether nothing but comments is in a text.
func blank(text string) bool {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			return false
		}
	}
	return true
}
