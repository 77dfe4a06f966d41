package plugin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"syscall"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

func TestExplain(t *testing.T) {
	databases := v1alpha1.Databases.GroupResource()
	forbidden := func(message string) error {
		return &apierrors.StatusError{ErrStatus: metav1.Status{Reason: metav1.StatusReasonForbidden, Code: 403, Message: message}}
	}
	refused := &url.Error{Op: "Get", URL: "https://10.0.0.1:6443/api", Err: &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}}
	cases := map[string]struct {
		err  error
		want explanation
	}{
		"plain": {errors.New("no"), explanation{"no", "", ExitFailed}},
		"resource definitions are missing, at a list": {
			apierrors.NewGenericServerResponse(404, "get", databases, "", "404 page not found", 0, true),
			explanation{"this cluster does not know the resources of dbtether.io", hintCRDs, ExitFailed},
		},
		"resource definitions are missing, at the dynamic client": {
			apierrors.NewGenericServerResponse(404, "get", schema.GroupResource{}, "", "404 page not found", 0, true),
			explanation{"this cluster does not know the resources of dbtether.io", hintCRDs, ExitFailed},
		},
		"no match": {
			&meta.NoKindMatchError{GroupKind: schema.GroupKind{Group: "dbtether.io", Kind: "Database"}, SearchedVersions: []string{"v1alpha1"}},
			explanation{`no matches for kind "Database" in version "dbtether.io/v1alpha1"`, hintCRDs, ExitFailed},
		},
		"not found, with what the command says": {
			fmt.Errorf("plan: %w", apierrors.NewNotFound(databases, "orders")),
			explanation{`plan: Database "orders" not found`, "see which there are: kubectl dbtether db list", ExitFailed},
		},
		"namespace not found": {
			apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "shop"),
			explanation{`namespace "shop" does not exist`, "create it with kubectl create namespace shop, or name another with -n", ExitFailed},
		},
		"exists": {
			fmt.Errorf("create Secret shop/main-admin: %w", apierrors.NewAlreadyExists(schema.GroupResource{Resource: "secrets"}, "main-admin")),
			explanation{`create Secret shop/main-admin: Secret "main-admin" exists already`, "choose another name, or change the one that exists", ExitFailed},
		},
		"forbidden in a namespace": {
			forbidden(`databases.dbtether.io "x" is forbidden: User "dev" cannot get resource "databases" in API group "dbtether.io" in the namespace "shop"`),
			explanation{
				`user "dev" may not get databases.dbtether.io in namespace "shop"`,
				"check with kubectl auth can-i get databases.dbtether.io -n shop; ask whoever administers namespace shop for a Role that allows it", ExitFailed,
			},
		},
		"forbidden in the cluster": {
			forbidden(`secrets is forbidden: User "dev" cannot list resource "secrets" in API group "" at the cluster scope`),
			explanation{
				`user "dev" may not list secrets cluster-wide`,
				"check with kubectl auth can-i list secrets -A; ask the platform team for a ClusterRole that allows it", ExitFailed,
			},
		},
		"denied by a webhook": {
			forbidden(`admission webhook "resources.dbtether.io" denied the request: CLUSTER-NOT-ALLOWED: no`),
			explanation{
				`denied by admission webhook "resources.dbtether.io": CLUSTER-NOT-ALLOWED: no`, "", ExitDenied,
			},
		},
		"denied by another's webhook": {
			forbidden(`admission webhook "x.example.com" denied the request: no`),
			explanation{
				`denied by admission webhook "x.example.com": no`,
				`change what it objects to, or ask whoever maintains admission webhook "x.example.com"`, ExitDenied,
			},
		},
		"denied by a policy": {
			forbidden(`databases.dbtether.io "x" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no`),
			explanation{`denied by policy "p": no`, `change what it objects to, or ask whoever maintains policy "p"`, ExitDenied},
		},
		"changed meanwhile": {
			apierrors.NewConflict(databases, "orders", errors.New("the object has been modified; please apply your changes to the latest version and try again")),
			explanation{`Database "orders" was changed by someone else meanwhile`, "run the command again", ExitFailed},
		},
		"credentials": {
			apierrors.NewUnauthorized("Unauthorized"),
			explanation{"the API server does not accept the credentials of this kubeconfig", "log in again; kubectl auth whoami shows who you are", ExitFailed},
		},
		"webhook down": {
			apierrors.NewInternalError(errors.New(`failed calling webhook "x": connection refused`)),
			explanation{`Internal error occurred: failed calling webhook "x": connection refused`, "an admission webhook does not answer: see whether its pods run", ExitFailed},
		},
		"our webhook down": {
			apierrors.NewInternalError(errors.New(`failed calling webhook "resources.dbtether.io": connection refused`)),
			explanation{`Internal error occurred: failed calling webhook "resources.dbtether.io": connection refused`, "dbtether's webhook does not answer: kubectl dbtether check webhook says why", ExitFailed},
		},
		"connection refused": {
			refused,
			explanation{"the API server at 10.0.0.1:6443 refuses connections", "see whether it runs, and whether the context is the right one: kubectl config current-context", ExitFailed},
		},
		"name not found": {
			&url.Error{Op: "Get", URL: "https://k8s.example.com", Err: &net.DNSError{Name: "k8s.example.com", IsNotFound: true}},
			explanation{"the API server's name k8s.example.com cannot be resolved", "see whether you are on the right network, and whether the context is the right one: kubectl config current-context", ExitFailed},
		},
		"deadline": {
			fmt.Errorf("wait: %w", context.DeadlineExceeded),
			explanation{"wait: context deadline exceeded", "give it longer with --timeout", ExitFailed},
		},
		"no such context, where only the namespace is read": {
			&runError{fmt.Errorf("read the namespace: %w", errors.New(`context "nowhere" does not exist`))},
			explanation{`read the namespace: context "nowhere" does not exist`, "see what the kubeconfig has: kubectl config get-contexts", ExitFailed},
		},
		"an invalid kubeconfig, behind what the command says": {
			&runError{clientcmd.ConfirmUsable(clientcmdapi.Config{Contexts: map[string]*clientcmdapi.Context{"c": {Cluster: "gone"}}}, "c")},
			explanation{`invalid configuration: [user was not specified for context "c", cluster "gone" was not found for context "c", no server found for cluster "gone"]`, "see what the kubeconfig has: kubectl config get-contexts", ExitFailed},
		},
		"own hint and code win": {
			Hinted(withExitCode(fmt.Errorf("x: %w", apierrors.NewNotFound(databases, "orders")), ExitWaiting), "wait for %s", "it"),
			explanation{`x: Database "orders" not found`, "wait for it", ExitWaiting},
		},
		"the outer hint wins": {
			Hinted(fmt.Errorf("a: %w", Hinted(errors.New("b"), "inner")), "outer"),
			explanation{"a: b", "outer", ExitFailed},
		},
		"joined errors": {
			errors.Join(Usagef("first"), errors.New("second")),
			explanation{"first\nsecond", "", ExitUsage},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := explain(c.err); got != c.want {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

func TestFieldLines(t *testing.T) {
	got := fieldLines([]metav1.StatusCause{
		{Field: "spec.port", Message: "Invalid value: 70000: spec.port in body should be less than or equal to 65535"},
		{Field: "spec", Message: `Invalid value: "object": clusterRef is immutable: create another Database`},
		{Field: "spec", Message: `Invalid value: exactly one of a and b must be set`},
		{Field: "<nil>", Message: "Invalid value: null: some validation rules were not checked because the object was invalid"},
		{Field: "spec.name", Message: `Invalid value: "a\"b: c": name is odd`},
	})
	want := `spec.name: Invalid value: "a\"b: c": name is odd
spec.port: Invalid value: 70000: should be less than or equal to 65535
spec: clusterRef is immutable: create another Database
spec: exactly one of a and b must be set`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
