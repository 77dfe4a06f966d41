package page

import (
	"fmt"
	"strings"
)

// Violations returns a sentence for each block that could be taken for commands and
// would not be run.
func (p *Page) Violations() []string {
	var found []string
	say := func(line int, format string, a ...any) {
		found = append(found, fmt.Sprintf("line %d: "+format, append([]any{line}, a...)...))
	}
	for _, b := range p.Blocks {
		runs := b.Info == "console" || b.Info == "sh"
		switch {
		case b.Info == "console" && (len(b.Text) == 0 || !strings.HasPrefix(b.Text[0], Prompt)):
			say(b.Line, `a transcript begins with a command: "$ …"`)
		case b.Info == "sh" && begins(b.Text, Prompt) >= 0:
			say(b.Line, "a block sh has commands without a prompt; one with prompts and output is a block console")
		case runs && b.File != "" || b.Info == "" && (b.NotRun != "" || b.OnNode && b.File == ""):
			say(b.Line, "what the comment before it says is not for a block %q", b.Info)
		case runs && b.NotRun != "" && b.OnNode:
			say(b.Line, "it is either not run or run on the node")
		case isShell(b.Info):
			say(b.Line, "commands are in blocks console or sh, not %q", b.Info)
		case b.Info == "" || b.Info == "text":
			prefixes := []string{Prompt, "kubectl "}
			if b.Info == "text" {
				prefixes = prefixes[:1] // a command's usage is a text
			}
			for _, prefix := range prefixes {
				if i := begins(b.Text, prefix); i >= 0 {
					say(b.Line+1+i, "%q is a command in a block that nobody runs: its info string is console or sh", b.Text[i])
				}
			}
		}
	}
	return found
}

func isShell(info string) bool {
	language, _, _ := strings.Cut(info, " ")
	switch strings.ToLower(language) {
	case "bash", "shell", "zsh", "terminal", "shell-session", "powershell":
		return true
	case "sh", "console":
		return info != language
	}
	return false
}

// begins returns the index of the first line that begins so, -1 without one.
func begins(lines []string, prefix string) int {
	for i, line := range lines {
		if strings.HasPrefix(strings.TrimSpace(line), prefix) {
			return i
		}
	}
	return -1
}
