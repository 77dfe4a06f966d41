package plugin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// explanation is what is said about an error.
type explanation struct {
	cause, hint string
	code        int
}

// explain says what went wrong, what to do about it and with which code to exit.
// It is pure. A hint or code that the error itself carries wins.
func explain(err error) explanation {
	result := explanation{cause: err.Error(), code: ExitFailed}
	var status apierrors.APIStatus
	var request *url.Error
	switch {
	case errors.As(err, &status):
		said := explainStatus(status.Status())
		// Whatever the command put before the API's message stays.
		said.cause = strings.Replace(result.cause, status.(error).Error(), said.cause, 1)
		result = said
	case meta.IsNoMatchError(err):
		result.hint = hintCRDs
	case inChain(err, clientcmd.IsEmptyConfig):
		result.cause, result.hint = "no kubeconfig was found", hintKubeconfig
	case inChain(err, isInvalidKubeconfig):
		result.hint = "see what the kubeconfig has: kubectl config get-contexts"
	case errors.As(err, &request):
		result.cause, result.hint = explainRequest(request, result.cause)
	case errors.Is(err, context.DeadlineExceeded):
		result.hint = "give it longer with --timeout"
	}
	var hint hinter
	if errors.As(err, &hint) {
		result.hint = hint.Hint()
	}
	var code exitCoder
	if errors.As(err, &code) {
		result.code = code.ExitCode()
	}
	return result
}

const (
	hintCRDs       = "install dbtether: kubectl dbtether install; for the definitions alone: kubectl dbtether crds | kubectl apply --server-side -f -"
	hintKubeconfig = "name one with --kubeconfig or KUBECONFIG; kubectl config view shows what is used"
)

// kubeconfigLacks is how clientcmd says that the kubeconfig has no such context or user,
// where it reads only a part of it; the error has no type.
var kubeconfigLacks = regexp.MustCompile(`^(context|auth info) ".*" does not exist$`)

// isInvalidKubeconfig reports whether an error of clientcmd is about what the kubeconfig
// holds.
func isInvalidKubeconfig(err error) bool {
	return clientcmd.IsContextNotFound(err) || clientcmd.IsConfigurationInvalid(err) || kubeconfigLacks.MatchString(err.Error())
}

// inChain reports whether is holds for err or for an error that it wraps. The functions of
// clientcmd look at one error only.
func inChain(err error, is func(error) bool) bool {
	for ; err != nil; err = errors.Unwrap(err) {
		if is(err) {
			return true
		}
	}
	return false
}

// isUnknownResource reports whether the API server does not serve the resource at all.
// Both that and a missing object are a 404.
func isUnknownResource(err error) bool {
	return apierrors.IsNotFound(err) && apierrors.HasStatusCause(err, metav1.CauseTypeUnexpectedServerResponse)
}

// isNotFound reports whether one object is missing, of a resource that the API server
// serves.
func isNotFound(err error) bool { return apierrors.IsNotFound(err) && !isUnknownResource(err) }

func explainStatus(status metav1.Status) explanation {
	details := status.Details
	if details == nil {
		details = &metav1.StatusDetails{}
	}
	result := explanation{cause: status.Message, code: ExitFailed}
	if policy, said, ok := denial(status.Message); ok {
		result.cause, result.code = fmt.Sprintf("denied by %s: %s", policy, said), ExitDenied
		if !strings.Contains(policy, ".dbtether.io") { // our own say what to do themselves
			result.hint = "change what it objects to, or ask whoever maintains " + policy
		}
		return result
	}
	switch status.Reason {
	case metav1.StatusReasonNotFound:
		result.cause, result.hint = explainNotFound(status.Message, details)
	case metav1.StatusReasonForbidden:
		result.cause, result.hint = explainForbidden(status.Message)
	case metav1.StatusReasonUnauthorized:
		result.cause = "the API server does not accept the credentials of this kubeconfig"
		result.hint = "log in again; kubectl auth whoami shows who you are"
	case metav1.StatusReasonAlreadyExists:
		result.cause = fmt.Sprintf("%s %q exists already", kindOf(details), details.Name)
		result.hint = "choose another name, or change the one that exists"
	case metav1.StatusReasonConflict:
		result.cause, result.hint = explainConflict(status.Message, details)
	case metav1.StatusReasonInvalid:
		result.cause = fmt.Sprintf("%s %q is invalid:\n%s", kindOf(details), details.Name, fieldLines(details.Causes))
		result.hint = "correct these fields; " + explainCommand(details) + " describes them"
	default:
		result.cause, result.hint = explainOther(status.Message)
	}
	return result
}

func explainNotFound(message string, details *metav1.StatusDetails) (cause, hint string) {
	unexpected := slices.ContainsFunc(details.Causes, func(c metav1.StatusCause) bool {
		return c.Type == metav1.CauseTypeUnexpectedServerResponse
	})
	// The dynamic client, which is used for nothing but our resources, does not say
	// which resource it asked for.
	if group := v1alpha1.GroupVersion.Group; unexpected && (details.Group == group || details.Kind == "") {
		return "this cluster does not know the resources of " + group, hintCRDs
	}
	if details.Kind == "namespaces" {
		return fmt.Sprintf("namespace %q does not exist", details.Name),
			"create it with kubectl create namespace " + details.Name + ", or name another with -n"
	}
	if k, ok := kindNamed(details.Kind); ok {
		return fmt.Sprintf("%s %q not found", k.name, details.Name), "see which there are: kubectl dbtether " + k.noun + " list"
	}
	return message, "check the name, the namespace (-n) and the context (--context)"
}

var rbac = regexp.MustCompile(`User "([^"]*)" cannot (\S+) resource "([^"]*)" in API group "([^"]*)"(?: in the namespace "([^"]*)")?`)

func explainForbidden(message string) (cause, hint string) {
	match := rbac.FindStringSubmatch(message)
	if match == nil {
		return message, "ask whoever administers this cluster"
	}
	user, verb, resource, group, namespace := match[1], match[2], match[3], match[4], match[5]
	if group != "" {
		resource += "." + group
	}
	check := fmt.Sprintf("check with kubectl auth can-i %s %s", verb, resource)
	if namespace == "" {
		return fmt.Sprintf("user %q may not %s %s cluster-wide", user, verb, resource),
			check + " -A; ask the platform team for a ClusterRole that allows it"
	}
	return fmt.Sprintf("user %q may not %s %s in namespace %q", user, verb, resource, namespace),
		fmt.Sprintf("%s -n %s; ask whoever administers namespace %s for a Role that allows it", check, namespace, namespace)
}

func explainConflict(message string, details *metav1.StatusDetails) (cause, hint string) {
	var lines []string
	for _, c := range details.Causes {
		if c.Type == metav1.CauseTypeFieldManagerConflict {
			lines = append(lines, strings.TrimPrefix(c.Field, ".")+": "+c.Message)
		}
	}
	if len(lines) > 0 {
		return "others have set these fields to other values:\n" + strings.Join(lines, "\n"),
			"leave the fields out, or take them over with --force-conflicts"
	}
	if strings.Contains(message, "the object has been modified") {
		return fmt.Sprintf("%s %q was changed by someone else meanwhile", kindOf(details), details.Name), "run the command again"
	}
	return message, "run the command again"
}

var typedPatch = regexp.MustCompile(`failed to create typed patch object \([^)]*\): `)

func explainOther(message string) (cause, hint string) {
	switch {
	case strings.Contains(message, "field not declared in schema"), strings.Contains(message, "unknown field"):
		return strings.ReplaceAll(typedPatch.ReplaceAllString(message, ""), "errors:\n", ""),
			"correct the spelling, or remove fields that this version does not have: kubectl explain describes those it has"
	case strings.Contains(message, "failed calling webhook") && strings.Contains(message, `.dbtether.io"`):
		return message, "dbtether's webhook does not answer: kubectl dbtether check webhook says why"
	case strings.Contains(message, "failed calling webhook"):
		return message, "an admission webhook does not answer: see whether its pods run"
	default:
		return message, "see whether the API server is well: kubectl get --raw /readyz?verbose"
	}
}

var (
	webhookDenial = regexp.MustCompile(`(?s)admission webhook "([^"]*)" denied the request(?:: (.*)| without explanation)`)
	policyDenial  = regexp.MustCompile(`(?s)ValidatingAdmissionPolicy '([^']*)'.* denied request: (.*)`)
)

// denial returns the policy that denied a request and what it said.
func denial(message string) (policy, said string, ok bool) {
	if m := webhookDenial.FindStringSubmatch(message); m != nil {
		if m[2] == "" {
			m[2] = "without explanation"
		}
		return fmt.Sprintf("admission webhook %q", m[1]), m[2], true
	}
	if m := policyDenial.FindStringSubmatch(message); m != nil {
		return fmt.Sprintf("policy %q", m[1]), m[2], true
	}
	return "", "", false
}

func explainRequest(err *url.Error, cause string) (string, string) {
	host := err.URL
	if parsed, parseErr := url.Parse(err.URL); parseErr == nil {
		host = parsed.Host
	}
	var lookup *net.DNSError
	switch {
	case utilnet.IsConnectionRefused(err) && host == "localhost:8080":
		return "no API server: no kubeconfig was found, and nothing listens on localhost:8080", hintKubeconfig
	case utilnet.IsConnectionRefused(err):
		return fmt.Sprintf("the API server at %s refuses connections", host), "see whether it runs, and whether the context is the right one: kubectl config current-context"
	case errors.As(err, &lookup):
		return fmt.Sprintf("the API server's name %s cannot be resolved", lookup.Name), "see whether you are on the right network, and whether the context is the right one: kubectl config current-context"
	case err.Timeout():
		return fmt.Sprintf("the API server at %s did not answer in time", host), "see whether it can be reached from here, or allow more with --request-timeout"
	default:
		return cause, "see whether the API server can be reached: kubectl cluster-info"
	}
}

// shownValue is the value that an invalid field has, where the API shows it.
var shownValue = regexp.MustCompile(`^Invalid value: (?:"(?:[^"\\]|\\.)*"|-?[0-9.]+|true|false|null|\{.*?\}|\[.*?\]): `)

// fieldLines returns one line per invalid field, sorted, as the API's order
// changes from call to call.
func fieldLines(causes []metav1.StatusCause) string {
	var lines []string
	for _, c := range causes {
		// The server adds this one wherever another error kept it from running CEL.
		if strings.Contains(c.Message, "some validation rules were not checked") {
			continue
		}
		message := c.Message
		for _, placeholder := range []string{`"object": `, `"string": `, `"array": `} {
			// Rules in CEL may report the type of what they stand on, not a value.
			message = strings.Replace(message, "Invalid value: "+placeholder, "", 1)
		}
		if !shownValue.MatchString(message) {
			message = strings.TrimPrefix(message, "Invalid value: ")
		}
		if c.Field != "" && c.Field != "<nil>" {
			message = c.Field + ": " + strings.Replace(message, c.Field+" in body ", "", 1)
		}
		lines = append(lines, message)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func kindOf(details *metav1.StatusDetails) string {
	if k, ok := kindNamed(details.Kind); ok {
		return k.name
	}
	if details.Kind == "secrets" {
		return "Secret"
	}
	return details.Kind
}

func explainCommand(details *metav1.StatusDetails) string {
	if k, ok := kindNamed(details.Kind); ok {
		return "kubectl explain " + k.resource.Resource + ".spec"
	}
	return "kubectl explain"
}
