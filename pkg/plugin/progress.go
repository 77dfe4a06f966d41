package plugin

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// progress shows what is being done on one line of stderr that is overwritten.
// Where stderr is no terminal it shows nothing. The zero value shows nothing.
type progress struct {
	out   io.Writer
	width int
	// shown is whether the line is there.
	shown bool
}

// newProgress returns the progress line. Call done before printing anything else.
func (e *Environment) newProgress() *progress {
	file, ok := e.ErrOut.(*os.File)
	if !ok || !e.Terminal.Err || e.Getenv("TERM") == "dumb" {
		return &progress{}
	}
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil || width <= 0 {
		width = 80
	}
	return &progress{out: file, width: width}
}

// step replaces what the line says.
func (p *progress) step(format string, args ...any) {
	if p.out == nil {
		return
	}
	text := []rune(fmt.Sprintf(format, args...))
	// A line that wraps could not be overwritten.
	if len(text) >= p.width {
		text = append(text[:max(p.width-2, 0)], '…')
	}
	p.shown = true
	fmt.Fprintf(p.out, "\r\x1b[K%s", string(text))
}

// count shows a bar of how many of all are done.
func (p *progress) count(done, total int) {
	if p.out == nil || total < 2 {
		return
	}
	const cells = 24
	full := done * cells / total
	p.step("%s%s %d of %d", strings.Repeat("█", full), strings.Repeat("░", cells-full), done, total)
}

// done removes the line.
func (p *progress) done() {
	if p.shown {
		p.shown = false
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}
