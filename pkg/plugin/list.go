package plugin

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/printers"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
)

// listChunk is how many objects one request returns, as for kubectl.
const listChunk = 500

// asTable asks the API server for the printer columns of the resource definition
// (Kubernetes API concepts, "Receiving resources as Tables").
const asTable = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"

// newListCommand returns the command that lists objects of a kind.
func newListCommand(env *Environment, k kind, short string) *cobra.Command {
	var flags printFlags
	var selector string
	var allNamespaces, noHeaders bool
	cmd := &cobra.Command{
		Use:     "list [flags]",
		Aliases: []string{"ls"},
		Short:   short,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := flags.check(); err != nil {
				return err
			}
			namespace, err := env.namespaceOf(k)
			if err != nil {
				return err
			}
			if allNamespaces {
				namespace = ""
			}
			options := metav1.ListOptions{LabelSelector: selector}
			if flags.human() {
				return env.printTable(cmd.Context(), k, namespace, options, printers.PrintOptions{
					WithNamespace: allNamespaces, Wide: flags.output == "wide", NoHeaders: noHeaders,
				})
			}
			list, err := env.list(cmd.Context(), k, namespace, options)
			if err != nil {
				return err
			}
			return flags.print(env, asList(list.Items), "")
		},
	}
	flags.add(cmd, listFormats)
	cmd.Flags().StringVarP(&selector, "selector", "l", "", "only objects with these labels, for example team=shop,tier!=test")
	cmd.Flags().BoolVar(&noHeaders, "no-headers", false, "leave out the line of column titles")
	if k.namespaced {
		cmd.Flags().BoolVarP(&allNamespaces, "all-namespaces", "A", false, "in all namespaces")
	}
	return cmd
}

// printTable prints what the API server makes of the objects.
func (e *Environment) printTable(ctx context.Context, k kind, namespace string, options metav1.ListOptions, how printers.PrintOptions) error {
	client, err := e.tableClient(k.resource.GroupVersion())
	if err != nil {
		return err
	}
	printer := printers.NewTablePrinter(how)
	out := printers.GetNewTabWriter(e.Out)
	defer out.Flush()
	options.Limit = listChunk
	for empty := true; ; {
		table, err := requestTable(ctx, client, k, namespace, options)
		if err != nil {
			return err
		}
		if len(table.Rows) > 0 {
			empty = false
			if err := printer.PrintObj(table, out); err != nil {
				return err
			}
		}
		if options.Continue = table.Continue; options.Continue != "" {
			continue
		}
		if empty {
			e.noneFound(k, namespace)
		}
		return nil
	}
}

// noneFound says on stderr what kubectl says about an empty list.
func (e *Environment) noneFound(k kind, namespace string) {
	if k.namespaced && namespace != "" {
		fmt.Fprintf(e.ErrOut, "No resources found in %s namespace.\n", namespace)
		return
	}
	fmt.Fprintln(e.ErrOut, "No resources found")
}

// tableClient returns the client for the tables of an API. It connects to nothing.
func (e *Environment) tableClient(version schema.GroupVersion) (*rest.RESTClient, error) {
	shared, err := e.RESTConfig()
	if err != nil {
		return nil, err
	}
	config := rest.CopyConfig(shared)
	config.GroupVersion, config.APIPath = &version, "/apis"
	if version.Group == "" {
		config.APIPath = "/api"
	}
	config.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	return rest.RESTClientFor(config)
}

func requestTable(ctx context.Context, client *rest.RESTClient, k kind, namespace string, options metav1.ListOptions) (*metav1.Table, error) {
	return tableOf(ctx, client.Get().
		NamespaceIfScoped(namespace, namespace != "").
		Resource(k.resource.Resource).
		SpecificallyVersionedParams(&options, metav1.ParameterCodec, schema.GroupVersion{Version: "v1"}))
}

// tableOf sends a request, and returns the table that is the answer, with the metadata of
// each object.
func tableOf(ctx context.Context, request *rest.Request) (*metav1.Table, error) {
	result := request.SetHeader("Accept", asTable).Do(ctx)
	// Error reads the API's own words from the body, which Raw does not.
	if err := result.Error(); err != nil {
		return nil, err
	}
	body, err := result.Raw()
	if err != nil {
		return nil, err
	}
	table := &metav1.Table{}
	if err := json.Unmarshal(body, table); err != nil {
		return nil, fmt.Errorf("read a table: %w", err)
	}
	for i := range table.Rows {
		// The printer takes the namespace column from the object's metadata.
		object := &metav1.PartialObjectMetadata{}
		if err := json.Unmarshal(table.Rows[i].Object.Raw, object); err != nil {
			return nil, fmt.Errorf("read a table: %w", err)
		}
		table.Rows[i].Object.Object = object
	}
	return table, nil
}
