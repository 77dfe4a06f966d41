package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dbtether/kubectl-dbtether/hack/cast"
	"github.com/dbtether/kubectl-dbtether/hack/docs/page"
	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

// script is a screen that keeps what is typed.
type script struct{ lines []string }

func (s *script) Write(text []byte) (int, error) { return len(text), nil }

func (s *script) Wait(time.Duration) {}

func (s *script) Type(line string) error {
	s.lines = append(s.lines, line)
	return nil
}

// places are where the servers of a run are.
var places = regexp.MustCompile(`(https://|--endpoint )127\.0\.0\.1(:\d+| --port \d+)`)

// typedLines returns what the demo types, without running it.
func typedLines(t *testing.T) []string {
	t.Helper()
	var typed script
	rehearsal := show{ctx: t.Context(), screen: &typed, rehearsal: true}
	rehearsal.install("https://127.0.0.1:1")
	if err := rehearsal.story(&testenv.PostgreSQL{Host: "127.0.0.1", Port: 1, Superuser: "postgres"}); err != nil {
		t.Fatal(err)
	}
	if len(typed.lines) < 15 {
		t.Fatalf("the story types only %q", typed.lines)
	}
	return typed.lines
}

// TestStoryTypesWhatREADMEShows holds the demo to README.md, which says of the commands
// under its first heading that the demo runs them.
func TestStoryTypesWhatREADMEShows(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "\n## See it\n")
	section, _, _ := strings.Cut(after, "\n## ")
	shown, err := page.Parse(section)
	if err != nil {
		t.Fatal(err)
	}
	rest, compared := typedLines(t), 0
	for _, step := range shown.Steps() {
		if step.Kind != page.Command {
			continue
		}
		compared++
		i := slices.Index(rest, step.Text)
		if i < 0 {
			t.Fatalf("README.md shows a command that the demo does not type there:\n%s", step.Text)
		}
		rest = rest[i+1:]
	}
	if compared < 8 {
		t.Errorf("only %d commands of README.md were compared", compared)
	}
}

// TestRecordingIsOfThisStory holds docs/demo.cast to the story: what is typed there is what
// the demo types today, in this order.
func TestRecordingIsOfThisStory(t *testing.T) {
	file, err := os.Open(filepath.Join("..", "..", "docs", "demo.cast"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	_, events, err := cast.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	var shown strings.Builder
	for _, event := range events {
		shown.WriteString(event.Text)
	}
	rest := places.ReplaceAllString(shown.String(), "${1}there")
	typed := typedLines(t)
	for _, line := range typed {
		line = "$ " + strings.ReplaceAll(places.ReplaceAllString(line, "${1}there"), "\n", "\r\n> ") + "\r\n"
		_, after, found := strings.Cut(rest, line)
		if !found {
			t.Fatalf("docs/demo.cast does not show, after what comes before it:\n%s\nrecord it anew: make cast", line)
		}
		rest = after
	}
	if prompts := strings.Count("\n"+strings.ReplaceAll(shown.String(), "\r", ""), "\n$ "); prompts != len(typed) {
		t.Errorf("docs/demo.cast shows %d commands, the story has %d: record it anew: make cast", prompts, len(typed))
	}
}
