package page

import "strings"

// Kind is what a Step does.
type Kind int

// The kinds of steps.
const (
	// Command runs Text, which is to print Want.
	Command Kind = iota
	// Script runs Text, each of whose commands is to succeed.
	Script
	// File writes Text to the file Name.
	File
)

// Step is something that a reader does with a page.
type Step struct {
	Kind   Kind
	Line   int // where it begins, counted from 1
	Name   string
	Text   string
	Want   []string // without blank lines at its end
	OnNode bool

	wantFrom, wantTo int // the indices of the lines of Want
	indent           string
}

// Steps returns what is to be done, in the order of the page. Blocks that are not run are
// left out; those of the node are among them.
func (p *Page) Steps() []Step {
	var steps []Step
	for _, block := range p.Blocks {
		switch {
		case block.NotRun != "":
		case block.File != "":
			steps = append(steps, Step{Kind: File, Line: block.Line, Name: block.File, Text: strings.Join(block.Text, "\n") + "\n", OnNode: block.OnNode})
		case block.Info == "sh":
			steps = append(steps, Step{Kind: Script, Line: block.Line + 1, Text: strings.Join(block.Text, "\n") + "\n", OnNode: block.OnNode})
		case block.Info == "console":
			steps = append(steps, block.commands()...)
		}
	}
	return steps
}

// Prompt is what a command in a transcript begins with.
const Prompt = "$ "

func (b Block) commands() []Step {
	var steps []Step
	for i := 0; i < len(b.Text); {
		step := Step{Kind: Command, Line: b.Line + 1 + i, OnNode: b.OnNode, indent: b.Indent}
		step.Text = strings.TrimPrefix(b.Text[i], Prompt)
		for i++; strings.HasSuffix(step.Text, `\`) && i < len(b.Text); i++ {
			step.Text += "\n" + b.Text[i]
		}
		step.wantFrom = b.Line + i
		for ; i < len(b.Text) && !strings.HasPrefix(b.Text[i], Prompt); i++ {
			step.Want = append(step.Want, b.Text[i])
		}
		step.Want = withoutBlankEnd(step.Want)
		step.wantTo = step.wantFrom + len(step.Want)
		steps = append(steps, step)
	}
	return steps
}

func withoutBlankEnd(lines []string) []string {
	for len(lines) > 0 && strings.TrimSpace(lines[len(lines)-1]) == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// Printed is what a command of a page did print.
type Printed struct {
	Step  Step
	Lines []string
}

// Rewritten returns the text of the page with other output after these commands, which
// are in the order of the page.
func (p *Page) Rewritten(printed []Printed) string {
	var lines []string
	next := 0
	for _, of := range printed {
		lines = append(lines, p.Lines[next:of.Step.wantFrom]...)
		for _, line := range of.Lines {
			lines = append(lines, strings.TrimRight(of.Step.indent+line, " "))
		}
		next = of.Step.wantTo
	}
	return strings.Join(append(lines, p.Lines[next:]...), "\n")
}
