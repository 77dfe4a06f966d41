package page

import (
	"reflect"
	"strings"
	"testing"
)

const example = "# Title\n\n" +
	"<!-- file: database.yaml -->\n" +
	"```yaml\nkind: Database\n```\n" +
	"Text.\n\n" +
	"```console\n$ kubectl apply -f database.yaml\ndatabase created\n\n$ kubectl get \\\n    databases\nNAME\norders\n```\n\n" +
	"- a list\n\n  ```sh\n  true\n  ```\n\n" +
	"<!-- not run: it takes minutes -->\n```sh\nmake test\n```\n" +
	"<!-- run on the node -->\n```console\n$ kubectl logs web\nhello\n```\n"

func TestSteps(t *testing.T) {
	p, err := Parse(example)
	if err != nil {
		t.Fatal(err)
	}
	var got []Step
	for _, s := range p.Steps() {
		got = append(got, Step{Kind: s.Kind, Line: s.Line, Name: s.Name, Text: s.Text, Want: s.Want, OnNode: s.OnNode})
	}
	want := []Step{
		{Kind: File, Line: 4, Name: "database.yaml", Text: "kind: Database\n"},
		{Kind: Command, Line: 10, Text: "kubectl apply -f database.yaml", Want: []string{"database created"}},
		{Kind: Command, Line: 13, Text: "kubectl get \\\n    databases", Want: []string{"NAME", "orders"}},
		{Kind: Script, Line: 22, Text: "true\n"},
		{Kind: Command, Line: 31, Text: "kubectl logs web", Want: []string{"hello"}, OnNode: true},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
	if found := p.Violations(); len(found) > 0 {
		t.Errorf("violations: %q", found)
	}
}

func TestRewritten(t *testing.T) {
	p, err := Parse(example)
	if err != nil {
		t.Fatal(err)
	}
	steps := p.Steps()
	got := p.Rewritten([]Printed{{steps[1], []string{"database configured", "more"}}, {steps[2], nil}})
	want := strings.NewReplacer("database created\n", "database configured\nmore\n", "NAME\norders\n", "").Replace(example)
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if p.Rewritten(nil) != example {
		t.Error("the page is another one although nothing was written anew")
	}
}

func TestParseErrors(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"```sh\ntrue\n", "line 1: block without an end"},
		{"a\n<!-- not run: slow -->\n\n```sh\ntrue\n```\n", "line 2: comment about a block, and no block begins after it"},
		{"<!-- not run -->\n```sh\ntrue\n```\n", `line 1: comment "not run": it gives no reason`},
		{"<!-- file: ../etc/passwd -->\n```yaml\na: 1\n```\n", `line 1: comment "file": "../etc/passwd" is no name of a file in the page's folder`},
		{"<!-- Not run: slow -->\n```sh\ntrue\n```\n", `line 1: comment "<!-- Not run: slow -->": it is to be one of <!-- not run: REASON -->, <!-- run on the node -->, <!-- file: NAME -->`},
	} {
		_, err := Parse(c.text)
		if err == nil || err.Error() != c.want {
			t.Errorf("%q: got %v, want %s", c.text, err, c.want)
		}
	}
}

func TestViolations(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"```\n$ kubectl get pods\n```\n", `line 2: "$ kubectl get pods" is a command in a block that nobody runs: its info string is console or sh`},
		{"```\nfirst\n  kubectl get pods\n```\n", `line 3: "  kubectl get pods" is a command in a block that nobody runs: its info string is console or sh`},
		{"```console\nkubectl get pods\n```\n", `line 1: a transcript begins with a command: "$ …"`},
		{"```sh\n$ true\n```\n", "line 1: a block sh has commands without a prompt; one with prompts and output is a block console"},
		{"```bash\ntrue\n```\n", `line 1: commands are in blocks console or sh, not "bash"`},
		{"```sh title\ntrue\n```\n", `line 1: commands are in blocks console or sh, not "sh title"`},
		{"<!-- not run: no -->\n```\ntrue\n```\n", `line 2: what the comment before it says is not for a block ""`},
		{"<!-- not run: no -->\n<!-- run on the node -->\n```sh\ntrue\n```\n", "line 3: it is either not run or run on the node"},
		{"```text\n$ true\n```\n", `line 2: "$ true" is a command in a block that nobody runs: its info string is console or sh`},
		{"```text\nkubectl get TYPE\n```\n", ""},
		{"```\nplain text\n```\n", ""},
		{"```json\n{}\n```\n", ""},
	} {
		p, err := Parse(c.text)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(p.Violations(), "\n"); got != c.want {
			t.Errorf("%q:\ngot  %s\nwant %s", c.text, got, c.want)
		}
	}
}
