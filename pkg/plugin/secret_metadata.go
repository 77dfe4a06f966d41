package plugin

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// secretMeta is a Secret without its values: its metadata, and what the API server says of it
// in the columns of kubectl get.
type secretMeta struct {
	metav1.ObjectMeta
	secretType string
	// count is how many keys it has.
	count int
	// keys are their names, sorted; nil where nothing says them.
	keys []string
}

// secretMetas returns the Secrets of a namespace without their values, in the order of the
// API server: a request for each 500 of them. The answer is a table: what kubectl get prints.
func (e *Environment) secretMetas(ctx context.Context, namespace string) ([]secretMeta, error) {
	options := metav1.ListOptions{Limit: listChunk}
	var all []secretMeta
	for {
		table, err := e.secretTable(ctx, namespace, func(r *rest.Request) {
			r.SpecificallyVersionedParams(&options, metav1.ParameterCodec, schema.GroupVersion{Version: "v1"})
		})
		if err != nil {
			return nil, err
		}
		all = append(all, metasOf(table)...)
		if options.Continue = table.Continue; options.Continue == "" {
			return all, nil
		}
	}
}

// secretMeta returns a Secret without its values: one request.
func (e *Environment) secretMeta(ctx context.Context, namespace, name string) (secretMeta, error) {
	table, err := e.secretTable(ctx, namespace, func(r *rest.Request) { r.Name(name) })
	if err != nil {
		return secretMeta{}, err
	}
	metas := metasOf(table)
	if len(metas) != 1 {
		return secretMeta{}, fmt.Errorf("read secret %q: the API server sent %d", name, len(metas))
	}
	return metas[0], nil
}

// secretTable reads a table of the Secrets of a namespace; narrow completes the request.
func (e *Environment) secretTable(ctx context.Context, namespace string, narrow func(*rest.Request)) (*metav1.Table, error) {
	client, err := e.tableClient(secretKind.resource.GroupVersion())
	if err != nil {
		return nil, err
	}
	request := client.Get().Namespace(namespace).Resource(secretKind.resource.Resource)
	narrow(request)
	return tableOf(ctx, request)
}

// metasOf returns the Secrets of a table. What a column does not say is left empty, the number
// of keys is -1 then.
func metasOf(table *metav1.Table) []secretMeta {
	column := func(name string) int {
		return slices.IndexFunc(table.ColumnDefinitions, func(c metav1.TableColumnDefinition) bool { return c.Name == name })
	}
	ofType, ofCount := column("Type"), column("Data")
	all := make([]secretMeta, len(table.Rows))
	for i, row := range table.Rows {
		if object, ok := row.Object.Object.(*metav1.PartialObjectMetadata); ok {
			all[i].ObjectMeta = object.ObjectMeta
		}
		if ofType >= 0 && ofType < len(row.Cells) {
			all[i].secretType, _ = row.Cells[ofType].(string)
		}
		all[i].count = -1
		if ofCount >= 0 && ofCount < len(row.Cells) {
			if count, ok := row.Cells[ofCount].(float64); ok {
				all[i].count = int(count)
			}
		}
		all[i].keys = all[i].names()
	}
	return all
}

// names returns the names of the keys: those that the API server has recorded with who
// wrote them (Kubernetes documentation, "Server-Side Apply", field management), or those
// of the annotation of a managed Secret, which is older than what somebody wrote past us.
// Where both have another number of keys than the Secret, none.
func (m *secretMeta) names() []string {
	written := map[string]bool{}
	for _, entry := range m.ManagedFields {
		var fields struct {
			Data map[string]json.RawMessage `json:"f:data"`
		}
		if entry.FieldsV1 == nil || json.Unmarshal(entry.FieldsV1.GetRawBytes(), &fields) != nil {
			continue
		}
		for field := range fields.Data {
			if key, ok := strings.CutPrefix(field, "f:"); ok {
				written[key] = true
			}
		}
	}
	if len(written) == m.count {
		return append([]string{}, slices.Sorted(maps.Keys(written))...)
	}
	list := strings.Split(m.Annotations[v1alpha1.AnnotationKeys], ",")
	if m.Annotations[v1alpha1.AnnotationKeys] == "" || len(list) != m.count {
		return nil
	}
	return list
}

// managed reports whether the Secret has revisions.
func (m *secretMeta) managed() bool { return m.Labels[v1alpha1.LabelManaged] == "true" }

// revision reports whether the Secret is a revision.
func (m *secretMeta) revision() bool {
	return m.secretType == v1alpha1.SecretTypeRevision || m.Labels[v1alpha1.LabelRevisionOf] != ""
}

// owner names what the Secret belongs to: what controls it, or its first owner; empty for none.
func (m *secretMeta) owner() string {
	owners := m.OwnerReferences
	if controller := metav1.GetControllerOf(&m.ObjectMeta); controller != nil {
		owners = []metav1.OwnerReference{*controller}
	}
	if len(owners) == 0 {
		return ""
	}
	return strings.ToLower(owners[0].Kind) + "/" + owners[0].Name
}

// withoutRevisions selects the Secrets that are no revisions.
const withoutRevisions = "!" + v1alpha1.LabelRevisionOf

// secretNames returns the names of the Secrets of a namespace that are no revisions. It
// reads metadata only.
func (e *Environment) secretNames(ctx context.Context, namespace string) ([]string, error) {
	return secretKind.names(ctx, e, namespace, metav1.ListOptions{LabelSelector: withoutRevisions})
}

// noSuchSecret returns the error about a Secret that does not exist, with the names that
// may have been meant.
func (e *Environment) noSuchSecret(ctx context.Context, namespace, name string, cause error) error {
	if !apierrors.IsNotFound(cause) {
		return cause
	}
	err := &renamedError{fmt.Sprintf("%s %q not found in namespace %q", secretKind.kind, name, namespace), cause}
	names, unread := e.secretNames(ctx, namespace)
	if unread == nil && len(names) == 0 {
		return Hinted(err, "there is no Secret in this namespace: name another with -n")
	}
	return hintSimilar(err, name, names, "see which there are: kubectl dbtether secret list -n %s", namespace)
}
