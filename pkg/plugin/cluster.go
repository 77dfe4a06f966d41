package plugin

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

func newClusterCommand(env *Environment) *cobra.Command {
	return newNoun("cluster", "PostgreSQL servers",
		newClusterAddCommand(env),
		newListCommand(env, clusterKind, "List the PostgreSQL servers"),
		newClusterDescribeCommand(env),
		newClusterUpdateCommand(env),
		newClusterRemoveCommand(env),
		newClusterCheckCommand(env),
	)
}

// clusterFlags are the flags that stand for fields of a DBCluster.
type clusterFlags struct {
	endpoint, adminDatabase, sslMode string
	port                             int32
	caSecret                         string
	credentialsSecret                string
	credentialsFromEnv               string
	allowedNamespaces                []string
	namespaceSelector                string
	naming                           string
	allowedExtensions                []string
	adoptDatabases, adoptRoles       []string
}

func (f *clusterFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.endpoint, "endpoint", "", "host name or IP address of the server")
	flags.Int32Var(&f.port, "port", 5432, "TCP port of the server")
	flags.StringVar(&f.adminDatabase, "admin-database", "postgres", "database that the administrator connects to")
	addChoice(cmd, &f.sslMode, "ssl-mode", "how the connection is secured (default require, with --ca-secret verify-full)",
		"disable", "allow", "prefer", "require", "verify-ca", "verify-full")
	flags.StringVar(&f.caSecret, "ca-secret", "", "Secret with the certificate authority: NAMESPACE/NAME[:KEY]; the key is ca.crt by default")
	flags.StringVar(&f.credentialsSecret, "credentials-secret", "", "Secret with the administrator's username and password: NAMESPACE/NAME")
	flags.StringSliceVar(&f.allowedNamespaces, "allowed-namespaces", nil, "namespaces that may use the server; nothing: every namespace")
	flags.StringVar(&f.namespaceSelector, "namespace-selector", "", "labels of the namespaces that may use the server; nothing: every namespace")
	flags.StringVar(&f.credentialsFromEnv, "credentials-from-env", "", "environment variables of the process that connects: USERVAR,PASSVAR")
	flags.StringVar(&f.naming, "naming", "", "how databases and users are named in PostgreSQL, for example {namespace}_{name} (default {name})")
	flags.StringSliceVar(&f.allowedExtensions, "allowed-extensions", nil, "extensions that databases may have although they are not trusted")
	flags.StringSliceVar(&f.adoptDatabases, "adopt-databases", nil, "existing databases that a runner may take over; a * stands for any characters. Nothing: none")
	flags.StringSliceVar(&f.adoptRoles, "adopt-roles", nil, "existing roles that a runner may take over; a * stands for any characters. Nothing: none")
}

// spec returns the fields whose flags were given. A field that has to go is nil,
// as in a JSON merge patch (RFC 7396). It is pure.
func (f *clusterFlags) spec(given func(flag string) bool) (map[string]any, error) {
	spec := map[string]any{}
	if given("endpoint") {
		spec["endpoint"] = f.endpoint
	}
	if given("port") {
		spec["port"] = int64(f.port)
	}
	if given("admin-database") {
		spec["adminDatabase"] = f.adminDatabase
	}
	if given("ssl-mode") {
		spec["sslMode"] = f.sslMode
	}
	if given("ca-secret") {
		ref, err := caReference(f.caSecret)
		if err != nil {
			return nil, err
		}
		spec["caSecretRef"] = ref
	}
	if given("credentials-secret") {
		ref, err := secretReference("credentials-secret", f.credentialsSecret)
		if err != nil {
			return nil, err
		}
		spec["credentialsSecretRef"], spec["credentialsFromEnv"] = ref, nil
	}
	if given("credentials-from-env") {
		user, password, ok := strings.Cut(f.credentialsFromEnv, ",")
		if !ok || user == "" || password == "" {
			return nil, Usagef("--credentials-from-env %q: it is written USERVAR,PASSVAR", f.credentialsFromEnv)
		}
		spec["credentialsFromEnv"] = map[string]any{"username": user, "password": password}
		spec["credentialsSecretRef"] = nil
	}
	f.contents(spec, given)
	return spec, f.namespaces(spec, given)
}

// contents adds the fields that say what databases and users may be like.
func (f *clusterFlags) contents(spec map[string]any, given func(flag string) bool) {
	if given("naming") {
		spec["naming"] = nil
		if f.naming != "" {
			spec["naming"] = f.naming
		}
	}
	if given("allowed-extensions") {
		spec["allowedExtensions"] = listOrNil(f.allowedExtensions)
	}
	adoption := map[string]any{}
	if given("adopt-databases") {
		adoption["databases"] = listOrNil(f.adoptDatabases)
	}
	if given("adopt-roles") {
		adoption["roles"] = listOrNil(f.adoptRoles)
	}
	if len(adoption) > 0 {
		spec["adoption"] = adoption
	}
}

// listOrNil returns a list as JSON has it, nil for an empty one.
func listOrNil(values []string) any {
	if len(values) == 0 {
		return nil
	}
	list := make([]any, len(values))
	for i, value := range values {
		list[i] = value
	}
	return list
}

// namespaces adds the fields that say who may use the server.
func (f *clusterFlags) namespaces(spec map[string]any, given func(flag string) bool) error {
	if given("allowed-namespaces") {
		spec["allowedNamespaces"] = listOrNil(f.allowedNamespaces)
	}
	if !given("namespace-selector") {
		return nil
	}
	requirements, err := labels.ParseToRequirements(f.namespaceSelector)
	if err != nil {
		return Usagef("--namespace-selector %q: %w", f.namespaceSelector, err)
	}
	if len(requirements) == 0 {
		spec["namespaceSelector"] = nil
		return nil
	}
	expressions, err := selectorExpressions(requirements)
	// A list is replaced whole by a merge patch, where a map would keep old labels.
	spec["namespaceSelector"] = map[string]any{"matchLabels": nil, "matchExpressions": expressions}
	return err
}

// selectorExpressions returns requirements as matchExpressions of a LabelSelector.
func selectorExpressions(requirements labels.Requirements) ([]any, error) {
	operators := map[selection.Operator]string{
		selection.Equals: "In", selection.DoubleEquals: "In", selection.In: "In",
		selection.NotEquals: "NotIn", selection.NotIn: "NotIn",
		selection.Exists: "Exists", selection.DoesNotExist: "DoesNotExist",
	}
	var expressions []any
	for _, r := range requirements {
		operator, ok := operators[r.Operator()]
		if !ok {
			return nil, Usagef("--namespace-selector: a namespace selector cannot compare with %q", r.Operator())
		}
		expression := map[string]any{"key": r.Key(), "operator": operator}
		if values := r.ValuesUnsorted(); len(values) > 0 {
			slices.Sort(values)
			expression["values"] = listOrNil(values)
		}
		expressions = append(expressions, expression)
	}
	return expressions, nil
}

// secretReference reads NAMESPACE/NAME.
func secretReference(flag, value string) (map[string]any, error) {
	namespace, name, ok := strings.Cut(value, "/")
	if !ok || namespace == "" || name == "" || strings.Contains(name, "/") {
		return nil, Usagef("--%s %q: it is written NAMESPACE/NAME", flag, value)
	}
	return map[string]any{"namespace": namespace, "name": name}, nil
}

// caReference reads NAMESPACE/NAME[:KEY]; nothing removes the reference. Without
// a key an older one goes, so that the default holds.
func caReference(value string) (any, error) {
	if value == "" {
		return nil, nil
	}
	secret, key, hasKey := strings.Cut(value, ":")
	ref, err := secretReference("ca-secret", secret)
	if err != nil || (hasKey && key == "") {
		return nil, Usagef("--ca-secret %q: it is written NAMESPACE/NAME[:KEY]", value)
	}
	ref["key"] = nil
	if hasKey {
		ref["key"] = key
	}
	return ref, nil
}

// newCluster returns the DBCluster to create: spec without the fields to remove.
func newCluster(name string, spec map[string]any) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: mergePatch(map[string]any{}, map[string]any{
		"apiVersion": v1alpha1.GroupVersion.String(),
		"kind":       v1alpha1.KindDBCluster,
		"metadata":   map[string]any{"name": name},
		"spec":       spec,
	})}
}

// mergePatch returns target with patch applied (RFC 7396); it changes neither.
func mergePatch(target, patch map[string]any) map[string]any {
	result := map[string]any{}
	for key, value := range target {
		result[key] = value
	}
	for key, value := range patch {
		nested, isMap := value.(map[string]any)
		switch {
		case value == nil:
			delete(result, key)
		case isMap:
			below, _ := result[key].(map[string]any)
			result[key] = mergePatch(below, nested)
		default:
			result[key] = value
		}
	}
	return result
}

// clusterIfKnown reads a DBCluster; nil where that is not possible.
func (e *Environment) clusterIfKnown(ctx context.Context, name string) *v1alpha1.DBCluster {
	cluster, err := read[v1alpha1.DBCluster](ctx, e, clusterKind, name)
	if err != nil {
		return nil
	}
	return cluster
}
