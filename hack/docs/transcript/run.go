package transcript

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/dbtether/kubectl-dbtether/hack/docs/page"
)

// Run says where the steps of a page run.
type Run struct {
	Shell  *Shell
	Folder string // where its files are written
	// Typed, if not nil, turns what the page says into what is run.
	Typed func(text string) string
	// Shown, if not nil, turns what was printed into what the page would say.
	Shown func(text string) string
}

// stepTimeout bounds a step.
const stepTimeout = 2 * time.Minute

// Step carries a step out and returns the lines that a command has printed. An error says
// that a file could not be written, that a script failed, or that a command failed without
// a word.
func (r Run) Step(ctx context.Context, step page.Step) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	text := step.Text
	if r.Typed != nil {
		text = r.Typed(text)
	}
	switch step.Kind {
	case page.File:
		return nil, os.WriteFile(filepath.Join(r.Folder, step.Name), []byte(text), 0o644)
	case page.Script:
		return nil, r.Shell.Script(ctx, text)
	}
	printed, code, err := r.Shell.Command(ctx, text)
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, strings.TrimSpace(printed))
	}
	if r.Shown != nil {
		printed = r.Shown(printed)
	}
	lines := shownLines(printed)
	if code != 0 && len(lines) == 0 {
		return nil, fmt.Errorf("exit code %d, and not a word about why", code)
	}
	return lines, nil
}

// shownLines returns what is printed as the lines of a page, without blank ones at the
// end.
func shownLines(printed string) []string {
	printed = strings.TrimRight(printed, " \n")
	if printed == "" {
		return nil
	}
	lines := strings.Split(printed, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " \r")
	}
	return lines
}
