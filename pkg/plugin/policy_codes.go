package plugin

import (
	"context"
	"errors"

	"github.com/dbtether/kubectl-dbtether/pkg/policy"
)

// Who says a code that is no policy's.
const (
	byWebhook   = "the webhook itself"
	byAPIServer = "ValidatingAdmissionPolicy "
	byPlan      = "whoever provisions: kubectl dbtether"
)

// ownCodes are the codes of denials that no Rego policy makes. A test holds them to what
// pkg/review and manifests/policies say.
func ownCodes() []policy.Metadata {
	row := func(code, source, title, description, fix string, examples ...policy.Example) policy.Metadata {
		return policy.Metadata{Code: code, Source: source, Mode: policy.ModeDeny, OnError: policy.ModeDeny, Title: title, Description: description, Fix: fix, Examples: examples}
	}
	denied := func(text string) policy.Example { return policy.Example{Denied: text} }
	allowed := func(text string) policy.Example { return policy.Example{Allowed: text} }
	return []policy.Metadata{
		row("ANNOTATION-INVALID", byWebhook, "An annotation of the pod is not in order",
			"One of the annotations dbtether.io/… of the pod cannot be read, contradicts another, or names a container that the pod does not have.",
			"correct the annotation as the message says",
			denied("dbtether.io/as: variables"), allowed("dbtether.io/as: env")),
		row("NOT-INJECTED", byWebhook+", and "+byAPIServer+"pod-credentials.dbtether.io", "The pod does not carry the credential that it asks for",
			"The pod asks for a credential by dbtether.io/inject and was not given it: the webhook did not answer when the pod was created, or another webhook changed the pod after it. Without the credential it would start and fail later.",
			"try again; if it stays so, kubectl dbtether check webhook finds what is wrong",
			denied("a pod with dbtether.io/inject: orders-api and no PGHOST"), allowed("the same pod, created while the webhook answers")),
		row("INJECTED-MISMATCH", byWebhook, "The pod says that it was given something else",
			"The annotation dbtether.io/injected of a new pod is not what this pod gets. The webhook writes it; a rotation waits for pods by what it says.",
			"remove the annotation dbtether.io/injected, and create the pod again",
			denied("dbtether.io/injected, copied from another pod"), allowed("a manifest without dbtether.io/injected")),
		row("OBJECT-INVALID", byWebhook, "The object cannot be read",
			"The object is not of the schema of its kind, or a DatabaseUser refers to no database.",
			"correct the object as the message says; kubectl explain describes its fields",
			denied("a DatabaseUser without spec.databaseRef and spec.databaseRefs"), allowed("spec.databaseRef.name: orders")),
		row("WRONG-KIND", byWebhook, "The webhook was asked about something that it does not judge",
			"A webhook configuration sends objects of a kind, or operations, that the entry is not for.",
			"run: kubectl dbtether install, which writes the webhook configurations of this version"),
		row("POLICY-ERROR", byWebhook, "A policy could not be evaluated",
			"A policy failed, took too long, or got an input that lacks something. What cannot be decided is denied; a policy with on_error: warn lets it pass with a warning.",
			"this is not about the object: correct the policy that the message names; kubectl dbtether policy list shows where it is from",
			denied(`a policy calls to_number on a label that is "x"`)),
		row("NOT-DECIDED", byWebhook, "Too little is known to decide",
			"The webhook has not read what it judges by, or the namespace of the object cannot be found. What cannot be decided is denied.",
			"try again; if it stays so, kubectl dbtether check webhook finds what is wrong"),
		row("DATABASE-UNKNOWN", byPlan, "The database does not exist",
			"A DatabaseUser refers to a Database that does not exist. The resource may wait for it; nothing can be provisioned before.",
			"create the database, or correct the reference"),
		row("CLUSTER-UNKNOWN", byPlan, "The cluster does not exist",
			"The Database stands on a DBCluster that does not exist. The resource may wait for it; nothing can be provisioned before.",
			"ask the platform team to add the cluster, or correct spec.clusterRef.name"),
		row("NAMESPACE-NOT-ENABLED", byAPIServer+"namespace-enabled.dbtether.io", "Pods of the namespace get no credentials",
			"The pod asks for a credential in a namespace that is not labelled for it. The webhook does not see such pods, so the API server refuses them.",
			"kubectl label namespace NAME dbtether.io/injection=enabled",
			denied("dbtether.io/inject in a namespace without the label"), allowed("the same in a namespace with dbtether.io/injection: enabled")),
		row("NAMESPACE-EXCLUDED", byAPIServer+"namespace-enabled.dbtether.io", "Pods of the namespace never get credentials",
			"kube-system, kube-node-lease and dbtether's own namespace are left out of the webhook configurations.",
			"run the pod in another namespace, or remove the annotation"),
		row("ANNOTATION-FIXED", byAPIServer+"pod-annotations.dbtether.io", "What a pod was given does not change",
			"The annotations dbtether.io/… of a pod say what it asked for and got when it was created. A rotation and an ephemeral container go by them.",
			"create the pod anew"),
		row("INJECTED-FORGED", byAPIServer+"pod-credentials.dbtether.io", "Only the webhook says what a pod was given",
			"The annotation dbtether.io/injected is not one that the webhook wrote for this pod.",
			"remove the annotation: it is set at admission"),
		row("DELETION-PROTECTED", byAPIServer+"deletion-protection.dbtether.io", "The database is protected from being deleted",
			"The Database has spec.deletionProtection. That holds for its namespace, too, and while the webhook is down.",
			"set spec.deletionProtection to false first"),
		row("TEAM-NOT-YOURS", byAPIServer+"namespace-labels.dbtether.io", "Who is of a team is not for everyone to say",
			"Namespaces of one team share their databases and administer each other's. The label dbtether.io/team is for those who have the verb bind on dbclusters.",
			"ask the platform team to set the label"),
		row("LABEL-NOT-YOURS", byAPIServer+"namespace-labels.dbtether.io", "Our labels on a namespace are not for everyone to set",
			"The labels dbtether.io/… of a namespace decide which of its pods get credentials. They are for those who have the verb bind on dbclusters.",
			"ask the platform team to set the label"),
		row("DEFAULT-WITHOUT-EFFECT", byAPIServer+"namespace-labels.dbtether.io", "A default for pods goes with injection",
			"The label dbtether.io/inject-default does nothing in a namespace without dbtether.io/injection=enabled: its pods would start without a credential.",
			"set both labels, or take the first away"),
		row("SECRET-MANAGED", byAPIServer+"managed-secrets.dbtether.io", "The marks of a managed Secret stay",
			"The labels and annotations of a managed Secret say that dbtether keeps its history, and whose it is.",
			"leave them as they are; delete the DatabaseUser to be rid of the Secret"),
		row("SECRET-PROTECTED", byAPIServer+"protected-secrets.dbtether.io", "The Secret is protected",
			"A managed Secret with dbtether.io/protected is not edited or deleted by hand.",
			"change it with kubectl dbtether, or ask who may lift the protection"),
		row("REVISION-FORGED", byAPIServer+"revisions.dbtether.io", "A revision is written by who it says",
			"A revision says what a Secret held, who wrote that and why: under its author's own name, immutable, by who may provision there.",
			"use kubectl dbtether, which writes revisions"),
		row("REVISION-FIXED", byAPIServer+"revisions.dbtether.io", "A revision does not change",
			"The labels and annotations of a revision say what was written, by whom and why.",
			"leave the revision as it is"),
	}
}

// Codes returns the codes that are built in, as `policy explain` tells of them: those of the
// built-in policies, and those that no policy says. It asks no cluster.
func Codes(ctx context.Context) ([]policy.Metadata, error) {
	engine, failures := loadEach(ctx, policy.Set{})
	if engine == nil {
		return nil, errors.Join(failures...)
	}
	return append(engine.Policies(), ownCodes()...), nil
}
