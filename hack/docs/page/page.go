// Package page reads a Markdown page of this project's documentation: which of its
// blocks are commands, what they are to print, and what is not to be run.
//
// A fenced block whose info string is "console" is a transcript: lines that begin with
// "$ " are commands, a backslash at their end continues them, and the lines up to the next
// command are what it prints, stdout and stderr as a person sees them. In a block "sh" all
// lines are commands, which succeed; what they print is not shown. Other blocks are
// read only.
//
// An HTML comment in the line before a block says more of it:
//
//	<!-- not run: REASON -->     it is left out
//	<!-- run on the node -->     it is run by the end-to-end tests, where there is a node
//	<!-- file: NAME -->          it is written to NAME in the folder in which the page runs
package page

import (
	"fmt"
	"regexp"
	"strings"
)

// OfNode is the page whose blocks for the node the end-to-end tests run.
const OfNode = "quickstart.md"

// Page is a page and its blocks, in their order.
type Page struct {
	Lines  []string
	Blocks []Block
}

// Block is a fenced block.
type Block struct {
	Line   int      // of its opening fence, counted from 1
	Info   string   // the info string, as in "yaml"
	Text   []string // its lines, without the indentation of the fence
	Indent string   // what stands before the fence
	File   string   // the file that it is written to; empty for none
	NotRun string   // why it is not run; empty if it is
	OnNode bool     // whether it is run by the end-to-end tests only
}

var (
	fence     = regexp.MustCompile("^( *)(```+|~~~+) *([^`]*)$")
	directive = regexp.MustCompile(`^ *<!-- *(not run|run on the node|file)(?:: *(.*?))? *-->$`)
	// meant finds a comment that was meant as a directive and is none.
	meant = regexp.MustCompile(`(?i)^ *<!-- *(not[ -]run|don't run|run on|file\b)`)
)

// Parse reads a page. Its errors name the line: a block that does not end, a comment
// that is about no block.
func Parse(text string) (*Page, error) {
	p := &Page{Lines: strings.Split(text, "\n")}
	var said Block // by the comments directly before
	for i := 0; i < len(p.Lines); i++ {
		line := p.Lines[i]
		if found := directive.FindStringSubmatch(line); found != nil {
			if err := said.direct(found[1], found[2]); err != nil {
				return nil, fmt.Errorf("line %d: %w", i+1, err)
			}
			continue
		}
		if meant.MatchString(line) {
			return nil, fmt.Errorf("line %d: comment %q: it is to be one of <!-- not run: REASON -->, <!-- run on the node -->, <!-- file: NAME -->", i+1, strings.TrimSpace(line))
		}
		found := fence.FindStringSubmatch(line)
		if found == nil {
			if said.File != "" || said.NotRun != "" || said.OnNode {
				return nil, fmt.Errorf("line %d: comment about a block, and no block begins after it", i)
			}
			continue
		}
		block := said
		said = Block{}
		block.Line, block.Indent, block.Info = i+1, found[1], strings.TrimSpace(found[3])
		end := closing(p.Lines, i+1, found[2])
		if end < 0 {
			return nil, fmt.Errorf("line %d: block without an end", i+1)
		}
		for _, inside := range p.Lines[i+1 : end] {
			block.Text = append(block.Text, strings.TrimPrefix(inside, block.Indent))
		}
		p.Blocks = append(p.Blocks, block)
		i = end
	}
	return p, nil
}

// closing returns the index of the line that ends a block, -1 without one.
func closing(lines []string, from int, opened string) int {
	for i := from; i < len(lines); i++ {
		line := strings.TrimSpace(lines[i])
		if len(line) >= len(opened) && strings.Trim(line, opened[:1]) == "" {
			return i
		}
	}
	return -1
}

func (b *Block) direct(what, detail string) error {
	switch what {
	case "not run":
		if detail == "" {
			return fmt.Errorf("comment %q: it gives no reason", what)
		}
		b.NotRun = detail
	case "run on the node":
		b.OnNode = true
	case "file":
		if detail == "" || strings.ContainsAny(detail, "/ ") {
			return fmt.Errorf("comment %q: %q is no name of a file in the page's folder", what, detail)
		}
		b.File = detail
	}
	return nil
}
