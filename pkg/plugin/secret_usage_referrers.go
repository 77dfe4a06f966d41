package plugin

import (
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/review"
)

// The ways in which an object refers to a Secret, beside those of a pod.
const (
	useInjection  = "injection"  // it asks for the credential of a user
	useCredential = "credential" // a DatabaseUser's is in it
	useCluster    = "cluster"    // a DBCluster is reached with it
	useTLS        = "tls"        // a certificate is in it
	useAnnotation = "annotation" // by the convention of a controller
	useMount      = "secrets"    // a ServiceAccount lists it
	useParameter  = "parameter"  // of a StorageClass
	useRole       = "rule"       // a Role names it
)

// reference is one place where an object refers to a Secret.
type reference struct {
	namespace, secret string
	use               secretUse
}

// referrer is a kind of object, other than pods and what makes them, that may refer to
// Secrets.
type referrer struct {
	objectKind
	// everywhere says that those of other namespaces, or of none, may, too.
	everywhere bool
	// clusterWide says that they are of no namespace.
	clusterWide bool
	// optional says that a cluster need not have the kind.
	optional bool
	// older is a version that is asked for where the resource's own is not served.
	older string
	// refers returns to what an object refers. Of a kind that nothing limits to its own
	// namespace these may be Secrets of any.
	refers func(*unstructured.Unstructured) ([]reference, error)
}

// referrers are those kinds, in the order in which they are named.
func referrers() []referrer {
	gateways := schema.GroupVersion{Group: "gateway.networking.k8s.io", Version: "v1"}
	return []referrer{
		{objectKind: objectKind{corev1.SchemeGroupVersion.WithResource("serviceaccounts"), "ServiceAccount", "serviceaccount", nil}, refers: ofServiceAccount},
		{objectKind: objectKind{networkingv1.SchemeGroupVersion.WithResource("ingresses"), "Ingress", "ingress", nil}, refers: ofIngress},
		{objectKind: objectKind{gateways.WithResource("gateways"), "Gateway", "gateway", nil}, everywhere: true, optional: true, older: "v1beta1", refers: ofGateway},
		{objectKind: objectKind{gateways.WithResource("listenersets"), "ListenerSet", "listenerset", nil}, everywhere: true, optional: true, refers: ofGateway},
		{objectKind: databaseUserKind, optional: true, refers: ofDatabaseUser},
		{objectKind: objectKind{v1alpha1.DBClusters, v1alpha1.KindDBCluster, "cluster", nil}, everywhere: true, clusterWide: true, optional: true, refers: ofDBCluster},
		{objectKind: objectKind{corev1.SchemeGroupVersion.WithResource("persistentvolumes"), "PersistentVolume", "persistentvolume", nil}, everywhere: true, clusterWide: true, refers: ofPersistentVolume},
		{objectKind: objectKind{storagev1.SchemeGroupVersion.WithResource("storageclasses"), "StorageClass", "storageclass", nil}, everywhere: true, clusterWide: true, refers: ofStorageClass},
		{objectKind: objectKind{rbacv1.SchemeGroupVersion.WithResource("roles"), "Role", "role", nil}, refers: ofRole},
	}
}

func ofServiceAccount(object *unstructured.Unstructured) (all []reference, err error) {
	account, err := typed[corev1.ServiceAccount](object)
	if err != nil {
		return nil, err
	}
	for _, mounted := range account.Secrets {
		all = append(all, reference{account.Namespace, mounted.Name, secretUse{How: useMount}})
	}
	for _, pull := range account.ImagePullSecrets {
		all = append(all, reference{account.Namespace, pull.Name, secretUse{How: review.UsePull}})
	}
	return all, nil
}

// ofIngress takes an annotation whose key ends in secret for a reference, too: controllers
// read them, such as ingress-nginx nginx.ingress.kubernetes.io/auth-secret, as NAME or
// NAMESPACE/NAME.
func ofIngress(object *unstructured.Unstructured) (all []reference, err error) {
	ingress, err := typed[networkingv1.Ingress](object)
	if err != nil {
		return nil, err
	}
	for _, tls := range ingress.Spec.TLS {
		all = append(all, reference{ingress.Namespace, tls.SecretName,
			secretUse{How: useTLS, Places: tls.Hosts, Keys: []string{corev1.TLSCertKey, corev1.TLSPrivateKeyKey}}})
	}
	for _, key := range slices.Sorted(maps.Keys(ingress.Annotations)) {
		if !strings.HasSuffix(key, "secret") {
			continue
		}
		namespace, name, found := strings.Cut(ingress.Annotations[key], "/")
		if !found {
			namespace, name = ingress.Namespace, namespace
		}
		all = append(all, reference{namespace, name, secretUse{How: useAnnotation, Places: []string{key}}})
	}
	return all, nil
}

// ofGateway takes every field for a reference whose name ends in CertificateRef or
// CertificateRefs and that is not about another kind (Gateway API, SecretObjectReference):
// of listeners, of what they validate clients by, and of what backends are shown.
func ofGateway(object *unstructured.Unstructured) (all []reference, err error) {
	walk(object.Object["spec"], "", func(field string, value map[string]any) {
		field = strings.ToLower(strings.TrimSuffix(field, "s"))
		kind, group := stringOf(value, "kind"), stringOf(value, "group")
		if !strings.HasSuffix(field, "certificateref") || kind != "" && kind != secretKind.kind || group != "" {
			return
		}
		use := secretUse{How: useTLS}
		if field == "certificateref" {
			use.Keys = []string{corev1.TLSCertKey, corev1.TLSPrivateKeyKey}
		}
		namespace := stringOf(value, "namespace")
		if namespace == "" {
			namespace = object.GetNamespace()
		}
		all = append(all, reference{namespace, stringOf(value, "name"), use})
	})
	return all, nil
}

func ofDatabaseUser(object *unstructured.Unstructured) (all []reference, err error) {
	user, err := typed[v1alpha1.DatabaseUser](object)
	if err != nil {
		return nil, err
	}
	for _, name := range review.SecretNames(user) {
		all = append(all, reference{user.Namespace, name, secretUse{How: useCredential}})
	}
	return all, nil
}

func ofDBCluster(object *unstructured.Unstructured) (all []reference, err error) {
	cluster, err := typed[v1alpha1.DBCluster](object)
	if err != nil {
		return nil, err
	}
	if ref := cluster.Spec.CredentialsSecretRef; ref != nil {
		all = append(all, reference{ref.Namespace, ref.Name, secretUse{How: useCluster, Places: []string{"administrator"}, Keys: []string{"password", "username"}}})
	}
	if ref := cluster.Spec.CASecretRef; ref != nil {
		all = append(all, reference{ref.Namespace, ref.Name, secretUse{How: useCluster, Places: []string{"certificate authority"}, Keys: []string{ref.Key}}})
	}
	return all, nil
}

// ofPersistentVolume finds references by the names of fields, as a pod's volumes are: there
// are a dozen kinds. Without a namespace it is the claim's.
func ofPersistentVolume(object *unstructured.Unstructured) (all []reference, err error) {
	claim, _, _ := unstructured.NestedString(object.Object, "spec", "claimRef", "namespace")
	add := func(namespace, name string) {
		if namespace == "" {
			namespace = claim
		}
		all = append(all, reference{namespace, name, secretUse{How: review.UseDriver}})
	}
	walk(object.Object["spec"], "", func(field string, value map[string]any) {
		if strings.HasSuffix(strings.ToLower(field), "secretref") {
			add(stringOf(value, "namespace"), stringOf(value, "name"))
		}
		if field == "azureFile" {
			add(stringOf(value, "secretNamespace"), stringOf(value, "secretName"))
		}
	})
	return all, nil
}

// ofStorageClass finds what a driver is called with (Kubernetes CSI documentation, "Secrets
// & Credentials"). A name that is a template of the claim names no Secret here.
func ofStorageClass(object *unstructured.Unstructured) (all []reference, err error) {
	class, err := typed[storagev1.StorageClass](object)
	if err != nil {
		return nil, err
	}
	for _, key := range slices.Sorted(maps.Keys(class.Parameters)) {
		if purpose, ok := strings.CutSuffix(key, "-secret-name"); ok {
			all = append(all, reference{class.Parameters[purpose+"-secret-namespace"], class.Parameters[key], secretUse{How: useParameter, Places: []string{key}}})
		}
	}
	return all, nil
}

// ofRole takes a rule that names a Secret for a reference: whoever has the role reads it
// through the API.
func ofRole(object *unstructured.Unstructured) (all []reference, err error) {
	role, err := typed[rbacv1.Role](object)
	if err != nil {
		return nil, err
	}
	for _, rule := range role.Rules {
		if !slices.Contains(rule.APIGroups, "") || !slices.Contains(rule.Resources, secretKind.resource.Resource) {
			continue
		}
		for _, name := range rule.ResourceNames {
			all = append(all, reference{role.Namespace, name, secretUse{How: useRole, Places: rule.Verbs}})
		}
	}
	return all, nil
}

// walk calls visit for each object below a value, with the name of the field that it, or
// the list that it is in, stands in.
func walk(value any, field string, visit func(field string, value map[string]any)) {
	switch value := value.(type) {
	case map[string]any:
		visit(field, value)
		for _, name := range slices.Sorted(maps.Keys(value)) {
			walk(value[name], name, visit)
		}
	case []any:
		for _, item := range value {
			walk(item, field, visit)
		}
	}
}

func stringOf(object map[string]any, field string) string {
	value, _ := object[field].(string)
	return value
}
