package check

import (
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// Answer is what came of a request that the webhook refuses.
type Answer struct {
	// Namespace is where it was made.
	Namespace string
	// Err is how it ended; nil: the API server would have carried it out.
	Err error
	// Warnings came with it.
	Warnings []string
	// Unasked is set where nothing was asked.
	Unasked bool
}

// forbidden reports whether the caller may not ask: the API server refused before it called
// the webhook.
func (a Answer) forbidden() bool {
	return apierrors.IsForbidden(a.Err) && !strings.Contains(a.Err.Error(), "admission webhook")
}

// refusal is the code with which the webhook refuses what Reader asks for.
const refusal = "DATABASE-NOT-SHARED"

// answer says whether the webhook was asked and answered.
func (w Webhook) answer(f *findings) {
	a := w.Answer
	switch {
	case a.Unasked:
	case a.Err == nil && strings.Contains(strings.Join(a.Warnings, "\n"), refusal):
		f.ok(checkAnswer, "it answers: it warns of what it would refuse if the policy of %s did not only warn", refusal)
	case a.Err == nil && w.Validating.Err != nil:
		f.add(checkAnswer, LevelWarning, fixInstall+"; if it is installed, have somebody check who may read webhook configurations",
			"the webhook is not installed, or was not asked: a DatabaseUser that %s forbids would have been taken in namespace %q", refusal, a.Namespace)
	case a.Err == nil:
		f.add(checkAnswer, LevelError, "see its log: kubectl logs deployment/"+WebhookName+" -n "+v1alpha1.SystemNamespace+"; and whether the policy is in mode dryrun: kubectl dbtether policy list",
			"the webhook was not asked, or did not refuse: a DatabaseUser that %s forbids would have been taken in namespace %q", refusal, a.Namespace)
	case strings.Contains(a.Err.Error(), "failed calling webhook"):
		f.add(checkAnswer, LevelError, "see whether its pods run: kubectl get pods -n "+v1alpha1.SystemNamespace+"; what is written above about it comes first",
			"the API server cannot ask the webhook: %s", reason(a.Err.Error()))
	case strings.Contains(a.Err.Error(), refusal):
		f.ok(checkAnswer, "it answers, and refuses what it has to")
	case strings.Contains(a.Err.Error(), `admission webhook "resources.dbtether.io" denied`):
		f.add(checkAnswer, LevelError, "see its log: kubectl logs deployment/"+WebhookName+" -n "+v1alpha1.SystemNamespace, "the webhook refuses for another reason than it should: %v", a.Err)
	case a.forbidden():
		f.add(checkAnswer, LevelWarning, "check again as somebody who may create DatabaseUsers in namespace "+a.Namespace,
			"whether the webhook answers was not tried: you may not create a DatabaseUser in namespace %q", a.Namespace)
	default:
		f.add(checkAnswer, LevelError, "see whether the API server is well: kubectl get --raw /readyz?verbose", "whether the webhook answers could not be tried: %v", a.Err)
	}
}

// reason returns why a call failed, without what the API server says before it.
func reason(text string) string {
	if _, after, found := strings.Cut(text, "failed to call webhook: "); found {
		return after
	}
	return text
}
