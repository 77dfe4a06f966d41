package review

import (
	"fmt"
	"slices"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/policy"
)

// excluded are the namespaces that the webhook configurations leave out.
func excluded() []string { return []string{"kube-system", "kube-node-lease", v1alpha1.SystemNamespace} }

// seesPods reports whether the API server sends us the pods of a namespace, as the webhook
// configurations say. It is true for a namespace that is not known, so that its pods are
// reviewed, and found impossible to decide on.
func seesPods(namespace string, facts Facts) bool {
	found, known := facts.Namespace(namespace)
	return !slices.Contains(excluded(), namespace) && (!known || injectionEnabled(found.Labels))
}

// injectionEnabled reports whether a namespace with these labels has its pods injected.
func injectionEnabled(labels map[string]string) bool {
	return labels[v1alpha1.LabelInjection] == "enabled"
}

// notEnabled returns what the ValidatingAdmissionPolicy namespace-enabled.dbtether.io
// says of a pod that asks for a credential; nothing where the namespace is not known.
func notEnabled(r *Request, facts Facts) []policy.Finding {
	finding := policy.Finding{Path: "metadata.annotations", Code: "NAMESPACE-EXCLUDED",
		Message: fmt.Sprintf("the pod asks for credentials (%s), but no pod of namespace %q gets any", v1alpha1.AnnotationInject, r.Namespace),
		Fix:     "run it in another namespace, or remove the annotation"}
	if slices.Contains(excluded(), r.Namespace) {
		return []policy.Finding{finding}
	}
	namespace, ok := facts.Namespace(r.Namespace)
	if !ok || injectionEnabled(namespace.Labels) {
		return nil
	}
	finding.Code = "NAMESPACE-NOT-ENABLED"
	finding.Message = fmt.Sprintf("the pod asks for credentials (%s), but namespace %q is not labelled for it", v1alpha1.AnnotationInject, r.Namespace)
	finding.Fix = fmt.Sprintf("ask the platform team to run: kubectl label namespace %s %s=enabled", r.Namespace, v1alpha1.LabelInjection)
	return []policy.Finding{finding}
}
