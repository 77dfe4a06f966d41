package reference

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/spf13/cobra"

	"github.com/dbtether/kubectl-dbtether/pkg/policy"
)

func TestCommands(t *testing.T) {
	run := func(*cobra.Command, []string) {}
	root := &cobra.Command{Use: "tool", Long: "A tool.\n\nIt has <brackets>."}
	root.PersistentFlags().StringP("namespace", "n", "", "where | there")
	noun := &cobra.Command{Use: "noun", Short: "A noun"}
	noun.PersistentFlags().Int("depth", 3, "how `deep`")
	verb := &cobra.Command{Use: "verb NAME", Short: "Do it", Example: "  tool noun verb x", Run: run, DisableFlagsInUseLine: true}
	verb.Flags().Bool("quick", false, "in a hurry")
	hidden := &cobra.Command{Use: "hidden", Hidden: true, Run: run}
	noun.AddCommand(verb)
	root.AddCommand(noun, hidden)
	got := Commands(root)
	want := `# Commands

<!-- written by make generate from the plugin: change that, not this page -->

A tool.

It has &lt;brackets>.

| command | |
|---|---|
| [` + "`noun verb`" + `](#tool-noun-verb) | Do it |

## Flags of every command

| flag | takes | default | |
|---|---|---|---|
| ` + "`-n`, `--namespace`" + ` | string |  | where \| there |

## tool noun verb

Do it.

` + "```text\ntool noun verb NAME\n```" + `

<!-- not run: examples of the command's help -->
` + "```sh\ntool noun verb x\n```" + `

| flag | takes | default | |
|---|---|---|---|
| ` + "`--quick`" + ` |  |  | in a hurry |
| ` + "`--depth`" + ` | deep | ` + "`3`" + ` | how deep |
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

const definition = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Thing, plural: things, singular: thing, shortNames: [th]}
  versions:
  - name: v1
    served: true
    storage: true
    additionalPrinterColumns:
    - {name: Size, type: integer, jsonPath: .spec.size}
    - {name: Note, type: string, jsonPath: .status.note, priority: 1}
    schema:
      openAPIV3Schema:
        description: Thing is one.
        type: object
        properties:
          spec:
            description: ThingSpec says which
            type: object
            required: [name]
            properties:
              name: {type: string, description: Its name., minLength: 1, maxLength: 9}
              size: {type: integer, default: 3, minimum: 1, maximum: 5}
              colour: {type: string, enum: [red, blue]}
              parts:
                type: array
                maxItems: 2
                items: {type: object, properties: {id: {type: string, pattern: "a|b"}}}
            x-kubernetes-validations:
            - {rule: self.name == oldSelf.name, message: "name is immutable: make another Thing"}
            - {rule: "self.size > 0", message: "size is positive"}
          status:
            description: ThingStatus says how it is.
            type: object
            properties: {note: {type: string}}
`

func TestResources(t *testing.T) {
	got, err := Resources(fstest.MapFS{"crd/things.yaml": {Data: []byte(definition)}})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"## Thing\n\nThing is one.\n",
		"| scope | a namespace |\n| kubectl's names | `things`, `thing`, `th` |\n| columns | SIZE (`spec.size`) |\n| more with `-o wide` | NOTE (`status.note`) |\n",
		"### Thing spec\n\nThingSpec says which.\n",
		"| `name` | string | *needed*; 1 to 9 characters; *fixed* | Its name. |\n",
		"| `colour` | string | `red`, `blue` |  |\n",
		"| `parts[]` | list of objects | at most 2 items |  |\n| `parts[].id` | string | `a\\|b` |  |\n",
		"| `size` | integer | default `3`; from 1, to 5 |  |\n",
		"- name is immutable: make another Thing\n- size is positive\n",
		"### Thing status\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the page lacks\n%s\nit is\n%s", want, got)
		}
	}
	if _, err := Resources(fstest.MapFS{}); err == nil {
		t.Error("no definition is no error")
	}
}

func TestCodes(t *testing.T) {
	floor := fstest.MapFS{
		"policies/a.yaml": {Data: []byte("metadata:\n  name: a.example.com\n'TOO-BIG: it is'\n'TOO-BIG: it is, too'\n")},
		"policies/b.yaml": {Data: []byte("metadata:\n  name: b.example.com\n'TOO-BIG: it is'\n")},
	}
	rows := []policy.Metadata{
		{Code: "TOO-SMALL", Policy: "dbtether.policies.resources.size", File: "resources/size.rego", Mode: policy.ModeWarn, Title: "It is small", Fix: "make it bigger",
			Examples: []policy.Example{{Denied: "a < b"}}},
		{Code: "TOO-BIG", Source: "the webhook, and ValidatingAdmissionPolicy a.example.com", Mode: policy.ModeDeny, Title: "It is big", Description: "Too big."},
		{Policy: "dbtether.policies.resources.size", Title: "without a code"},
	}
	got, err := Codes(rows, floor)
	if err != nil {
		t.Fatal(err)
	}
	_, sections, _ := strings.Cut(got, "\n## ")
	want := `TOO-BIG

It is big. Too big.

| | |
|---|---|
| said by | the webhook, and ValidatingAdmissionPolicy ` + "`a.example.com`, `b.example.com`" + ` |

## TOO-SMALL

It is small.

| | |
|---|---|
| what to do | make it bigger |
| warned of | a &lt; b |
| said by | the policy ` + "`resources.size`, in `policies/resources/size.rego`" + ` |
`
	if sections != want {
		t.Errorf("got\n%s\nwant\n%s", sections, want)
	}
	if _, err := Codes(rows[:1], floor); err == nil {
		t.Error("a code that nothing explains is no error")
	}
}
