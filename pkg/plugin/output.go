package plugin

import (
	"encoding/json"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/printers"
	"sigs.k8s.io/yaml"
)

// printFlags are -o and what belongs to it. kubectl's own set is not used,
// because its go-template printer makes the linker keep every exported method of
// every package.
type printFlags struct {
	output            string
	showManagedFields bool
	formats           []string
}

// formats of -o; those that end in = take an argument.
var (
	objectFormats = []string{"json", "yaml", "name", "jsonpath=", "jsonpath-file="}
	listFormats   = append(slices.Clone(objectFormats), "wide", "custom-columns=", "custom-columns-file=")
)

// add adds the flags to a command that prints in the given formats.
func (p *printFlags) add(cmd *cobra.Command, formats []string) {
	p.formats = formats
	cmd.Flags().StringVarP(&p.output, "output", "o", "", "output format: "+strings.Join(bare(formats), ", "))
	if slices.Contains(formats, "jsonpath=") { // what is printed is a Kubernetes object
		cmd.Flags().BoolVar(&p.showManagedFields, "show-managed-fields", false, "keep metadata.managedFields in json and yaml")
	}
	completeFlag(cmd, "output", formats...)
}

// human says whether the command's own text or table is wanted, not objects.
func (p *printFlags) human() bool { return p.output == "" || p.output == "wide" }

// check returns an error of usage where the format is not one of the command's.
func (p *printFlags) check() error {
	if p.output == "" {
		return nil
	}
	name, argument, _ := strings.Cut(p.output, "=")
	switch {
	case slices.Contains(p.formats, name):
		return nil
	case !slices.Contains(p.formats, name+"="):
		return Usagef("unknown output format %q: it is one of %s", p.output, strings.Join(bare(p.formats), ", "))
	case argument == "":
		return Usagef("output format %s needs an argument: -o %s=…", name, name)
	}
	return nil
}

// printer returns the printer of the format; operation is what follows an
// object's name where no format, or name, was asked for. It may read the file
// that the format names.
func (p *printFlags) printer(operation string) (printers.ResourcePrinter, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	name, argument, _ := strings.Cut(p.output, "=")
	if strings.HasSuffix(name, "-file") {
		text, err := os.ReadFile(argument)
		if err != nil {
			return nil, err
		}
		name, argument = strings.TrimSuffix(name, "-file"), string(text)
	}
	switch name {
	case "json":
		return p.stripped(&printers.JSONPrinter{}), nil
	case "yaml":
		return p.stripped(&printers.YAMLPrinter{}), nil
	case "jsonpath":
		printer, err := printers.NewJSONPathPrinter(argument)
		if err != nil {
			return nil, Usagef("read jsonpath %q: %w", argument, err)
		}
		printer.AllowMissingKeys(true)
		return p.stripped(printer), nil
	case "custom-columns":
		return parseColumns(argument)
	case "name":
		return &printers.NamePrinter{ShortOutput: true}, nil
	default:
		return &printers.NamePrinter{Operation: operation}, nil
	}
}

func (p *printFlags) stripped(printer printers.ResourcePrinter) printers.ResourcePrinter {
	if p.showManagedFields {
		return printer
	}
	return &printers.OmitManagedFieldsPrinter{Delegate: printer}
}

// print prints one object on stdout.
func (p *printFlags) print(env *Environment, object runtime.Object, operation string) error {
	printer, err := p.printer(operation)
	if err != nil {
		return err
	}
	return printer.PrintObj(object, env.Out)
}

// asList wraps objects in a v1 List, as kubectl prints more than one.
func asList(items []unstructured.Unstructured) *unstructured.UnstructuredList {
	return &unstructured.UnstructuredList{
		Object: map[string]any{
			"apiVersion": "v1", "kind": "List",
			"metadata": map[string]any{"resourceVersion": ""},
		},
		Items: items,
	}
}

func bare(formats []string) []string {
	names := slices.Clone(formats)
	for i := range names {
		names[i] = strings.TrimSuffix(names[i], "=")
	}
	return names
}

// printDocument prints a value that is no Kubernetes object as json or yaml.
func printDocument(env *Environment, format string, doc any) error {
	switch format {
	case "yaml":
		text, err := yaml.Marshal(doc)
		if err != nil {
			return err
		}
		_, err = env.Out.Write(text)
		return err
	case "json":
		encoder := json.NewEncoder(env.Out)
		encoder.SetIndent("", "    ")
		encoder.SetEscapeHTML(false) // SQL is full of < and >
		return encoder.Encode(doc)
	default:
		return Usagef("-o %s does not print a plan: it is one of json, yaml", format)
	}
}
