package review

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/policy"
)

// Patience bounds one evaluation where no API server waits for the answer.
const Patience = 5 * time.Second

// Document is a ConfigMap with policies, with modes or with an exception: one that has the
// label LabelPolicy.
type Document = policy.Document

// LabelPolicy is the label of every Document.
const LabelPolicy = policy.LabelPolicy

// NewReviewer returns a Reviewer by the built-in policies and those of the documents. It
// compiles them and runs their tests, which takes about 15 ms for the built-in ones: once
// for each process is enough. The error says which policy cannot be loaded. It does no
// I/O.
func NewReviewer(ctx context.Context, documents []Document) (Reviewer, error) {
	engine, err := policy.Load(ctx, policy.ReadSet(documents, time.Now()), policy.Options{Timeout: Patience})
	if err != nil {
		return Reviewer{}, err
	}
	return Reviewer{Policies: engine, Now: time.Now}, nil
}

// The codes of what an object refers to and is not there.
const (
	codeDatabaseUnknown = "DATABASE-UNKNOWN"
	codeClusterUnknown  = "CLUSTER-UNKNOWN"
)

// Authorize answers whether a user may carry out now what a *v1alpha1.Database or a
// *v1alpha1.DatabaseUser asks for. It asks the policies that Resources asks, about an UPDATE,
// or about a CREATE where the object has no UID yet.
//
// Facts hold the namespace of the object, the Databases that it refers to, their namespaces
// and their DBClusters, as just read from the API server. Unlike Resources, which lets an
// object wait for what it refers to, it denies an object that refers to a Database or a
// DBCluster that the facts do not hold. It judges an object that is being deleted like any
// other: it is to be asked before something is granted, not before it is taken away.
//
// The outcome has a finding for each reason to deny. It denies whenever it cannot
// decide: another kind of object, nil, no facts, policies that fail. It does no I/O.
func (v Reviewer) Authorize(ctx context.Context, by User, object metav1.Object, facts Facts) (outcome Outcome) {
	defer func() {
		if cause := recover(); cause != nil {
			outcome = undecided(fmt.Errorf("panic: %v", cause))
		}
	}()
	request := policy.Request{Operation: Update, User: by.Username, Groups: by.Groups}
	switch object := object.(type) {
	case *v1alpha1.Database:
		request.Kind = v1alpha1.KindDatabase
	case *v1alpha1.DatabaseUser:
		request.Kind = v1alpha1.KindDatabaseUser
	default:
		return undecided(fmt.Errorf("no policy is about a %T", object))
	}
	request.Name, request.Namespace = object.GetName(), object.GetNamespace()
	if object.GetUID() == "" {
		request.Operation = Create
	}
	j := v.judge(ctx, request, object, facts)
	if !j.outcome.Allowed {
		return j.outcome
	}
	if findings := missing(j.inputs); len(findings) > 0 {
		return deny(findings)
	}
	return j.outcome
}

// missing returns a finding for each Database and each DBCluster that is not there.
func missing(inputs []*policy.Input) []policy.Finding {
	var findings []policy.Finding
	for _, input := range inputs {
		database, path := input.Database, "spec.clusterRef"
		if input.Role != nil {
			path = input.Role.Path
		}
		switch {
		case !database.Exists:
			findings = append(findings, policy.Finding{Code: codeDatabaseUnknown, Path: path + ".name",
				Message: fmt.Sprintf("database %q does not exist in namespace %q", database.Name, database.Namespace),
				Fix:     "create it, or correct " + path})
		case !input.Cluster.Exists:
			findings = append(findings, policy.Finding{Code: codeClusterUnknown, Path: path + ".name",
				Message: fmt.Sprintf("cluster %q of database %q in namespace %q does not exist", database.ClusterName, database.Name, database.Namespace),
				Fix:     "ask the platform team to add the cluster"})
		}
	}
	return findings
}
