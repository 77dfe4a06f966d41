package check

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/install"
)

// Install is what an installation would meet.
type Install struct {
	Shipped              Shipped
	Rights               []Right
	Definitions          Objects
	Mutating, Validating Objects
	// Namespace is that of dbtether, if it exists.
	Namespace Objects
}

// Right is one that an installation takes, and whether the caller has it.
type Right struct {
	install.Right
	Allowed bool
	Err     error
}

// The checks before an installation.
const (
	checkRights        = "install-rights"
	checkRoles         = "install-roles"
	checkOthersCRDs    = "install-definitions"
	checkOthersEntries = "install-configurations"
	checkOtherWebhooks = "install-other-webhooks"
	checkNamespace     = "install-namespace"
)

// RightsOfInstall returns what an installation as it is by default has to be allowed to
// do, not yet asked: to see, to create and to patch what it writes, and to give the
// rights of its roles. The error is one of the embedded manifests.
func RightsOfInstall() ([]Right, error) {
	objects, err := install.Render(install.Defaults(""))
	if err != nil {
		return nil, err
	}
	taken, err := install.Rights(objects, "get", "create", "patch")
	if err != nil {
		return nil, err
	}
	for _, verb := range []string{"escalate", "bind"} {
		taken = append(taken, install.Right{Verb: verb, Group: "rbac.authorization.k8s.io", Resource: "clusterroles"})
	}
	rights := make([]Right, len(taken))
	for i, right := range taken {
		rights[i].Right = right
	}
	return rights, nil
}

// Findings returns what is found of it.
func (i Install) Findings() []Finding {
	var f findings
	f.rights(i.Rights)
	i.definitions(&f)
	i.configurations(&f)
	i.others(&f)
	i.namespace(&f)
	return f
}

// rights says which rights are missing, by resource. The lack of escalate or bind is a warning
// only: the API server also takes a role from somebody who has every right in it.
func (f *findings) rights(rights []Right) {
	var order []string
	verbs := map[string][]string{}
	for _, r := range rights {
		if f.unread(checkRights, "your rights", r.Err) {
			return
		}
		if r.Allowed {
			continue
		}
		if r.Verb == "escalate" || r.Verb == "bind" {
			f.add(checkRoles, LevelWarning, fmt.Sprintf("install as somebody who may: kubectl auth can-i %s %s.%s", r.Verb, r.Resource, r.Group),
				"you may not %s %s: the API server takes roles from you only with rights that you hold yourself", r.Verb, r.Resource)
			continue
		}
		what := resourceName(r)
		if verbs[what] == nil {
			order = append(order, what)
		}
		verbs[what] = append(verbs[what], r.Verb)
	}
	for _, what := range order {
		f.add(checkRights, LevelError, "have a cluster administrator install, or give you the right: kubectl auth can-i "+verbs[what][0]+" "+what, "you may not %s %s", strings.Join(verbs[what], ", "), what)
	}
	f.okUnless(checkRights, "you may write what an installation needs")
	f.okUnless(checkRoles, "you may give its roles their rights")
}

// resourceName returns the resource of a right as kubectl auth can-i takes it.
func resourceName(r Right) string {
	name := r.Resource
	if r.Group != "" {
		name += "." + r.Group
	}
	if r.Namespace != "" {
		name += " -n " + r.Namespace
	}
	return name
}

// definitions says which of group dbtether.io are there and are not those of this
// version.
func (i Install) definitions(f *findings) {
	if f.unread(checkOthersCRDs, "the resource definitions", i.Definitions.Err) {
		return
	}
	shipped := i.Shipped.kind(kindCRD)
	for n := range i.Definitions.Items {
		have := &i.Definitions.Items[n]
		if textAt(have.Object, "spec", "group") != v1alpha1.GroupVersion.Group {
			continue
		}
		at := slices.IndexFunc(shipped, func(s unstructured.Unstructured) bool { return s.GetName() == have.GetName() })
		if at < 0 {
			f.add(checkOthersCRDs, LevelWarning, "see whose it is: kubectl describe crd "+have.GetName(), "the definition %s is of group %s and none of this version", have.GetName(), v1alpha1.GroupVersion.Group)
			continue
		}
		var own findings
		own.schema(LevelWarning, &shipped[at], have)
		for _, x := range own {
			f.add(checkOthersCRDs, x.Level, x.Fix, "%s", x.Text)
		}
	}
	f.okUnless(checkOthersCRDs, "no resource definition is in the way")
}

// configurations says which webhook configurations have our name and other entries.
func (i Install) configurations(f *findings) {
	unread := f.unread(checkOthersEntries, "the mutating webhook configurations", i.Mutating.Err)
	if unread = f.unread(checkOthersEntries, "the validating webhook configurations", i.Validating.Err) || unread; unread {
		return
	}
	for _, side := range []struct {
		kind string
		have *unstructured.Unstructured
	}{{kindMutating, i.Mutating.named(ConfigurationName)}, {kindValidating, i.Validating.named(ConfigurationName)}} {
		if side.have == nil {
			continue
		}
		for _, entry := range objectsAt(side.have.Object, "webhooks") {
			if name := textAt(entry, "name"); !strings.HasSuffix(name, "."+v1alpha1.GroupVersion.Group) {
				f.add(checkOthersEntries, LevelError, fmt.Sprintf("see whose it is: kubectl get %s %s -o yaml; an installation would replace it", strings.ToLower(side.kind), ConfigurationName),
					"the %s %s is not dbtether's: it has the entry %s", side.kind, ConfigurationName, name)
			}
		}
	}
	f.okUnless(checkOthersEntries, "no webhook configuration is in the way")
}

// others says which other webhooks change pods, and can keep them from starting or
// change them after us.
func (i Install) others(f *findings) {
	if i.Mutating.Err != nil {
		return // said already
	}
	for n := range i.Mutating.Items {
		configuration := &i.Mutating.Items[n]
		if configuration.GetName() == ConfigurationName {
			continue
		}
		for _, entry := range objectsAt(configuration.Object, "webhooks") {
			f.other(configuration.GetName(), entry)
		}
	}
	f.okUnless(checkOtherWebhooks, "no other webhook keeps pods from being created while it is down")
}

// other says what another webhook means for pods that get a credential.
func (f *findings) other(configuration string, entry map[string]any) {
	if !seesPods(entry) {
		return
	}
	if policy := textAt(entry, "failurePolicy"); policy != "Ignore" {
		f.add(checkOtherWebhooks, LevelWarning, "while pods are not created, look there first: kubectl describe mutatingwebhookconfiguration "+configuration,
			"the webhook %s of %s changes pods, and none is created while it is down", textAt(entry, "name"), configuration)
	}
	switch {
	case textAt(entry, "reinvocationPolicy") == "IfNeeded":
		f.add(checkOtherWebhooks, LevelNote, "", "the webhook %s of %s is called again after dbtether has changed a pod (reinvocationPolicy IfNeeded); what it takes away of a credential is refused",
			textAt(entry, "name"), configuration)
	case configuration < ConfigurationName:
		f.add(checkOtherWebhooks, LevelNote, "", "the webhook %s of %s comes before dbtether's and does not see the credentials that a pod gets (reinvocationPolicy Never)",
			textAt(entry, "name"), configuration)
	}
}

// seesPods reports whether an entry is called when a pod is created.
func seesPods(entry map[string]any) bool {
	return slices.ContainsFunc(objectsAt(entry, "rules"), func(rule map[string]any) bool {
		has := func(field string, values ...string) bool {
			list, _, _ := unstructured.NestedStringSlice(rule, field)
			return slices.ContainsFunc(list, func(v string) bool { return slices.Contains(values, v) })
		}
		return has("apiGroups", "", "*") && has("resources", "pods", "*", "*/*") && has("operations", "CREATE", "*")
	})
}

// namespace says whether dbtether's namespace, if it is there, is as it should be.
func (i Install) namespace(f *findings) {
	if f.unread(checkNamespace, "the namespace "+v1alpha1.SystemNamespace, i.Namespace.Err) {
		return
	}
	namespace := i.Namespace.named(v1alpha1.SystemNamespace)
	switch {
	case namespace == nil:
		f.ok(checkNamespace, "the namespace %s is not there yet", v1alpha1.SystemNamespace)
	case namespace.GetDeletionTimestamp() != nil:
		f.add(checkNamespace, LevelError, "wait until it is gone, or see what keeps it: kubectl describe namespace "+v1alpha1.SystemNamespace, "the namespace %s is being deleted", v1alpha1.SystemNamespace)
	case namespace.GetLabels()[install.PodSecurity] != "restricted":
		profile := namespace.GetLabels()[install.PodSecurity]
		if profile == "" {
			profile = "no profile"
		}
		f.add(checkNamespace, LevelWarning, "run: kubectl label namespace "+v1alpha1.SystemNamespace+" "+install.PodSecurity+"=restricted --overwrite",
			"Pod Security enforces %s in the namespace %s, where restricted is enough for dbtether", profile, v1alpha1.SystemNamespace)
	default:
		f.ok(checkNamespace, "Pod Security enforces restricted in the namespace %s", v1alpha1.SystemNamespace)
	}
}
