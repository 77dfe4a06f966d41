package plugin

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/review"
)

// userAccount is what explain says of a DatabaseUser.
type userAccount struct {
	Kind      string `json:"kind"`
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
	Phase     string `json:"phase"`
	Message   string `json:"message,omitempty"`
	Login     string `json:"login"`
	Cluster   string `json:"cluster,omitempty"`
	Secret    string `json:"secret"`
	Revision  int64  `json:"revision,omitempty"`
	// Ready says that pods may be given the credential.
	Ready           bool              `json:"credentialsReady"`
	ServiceAccounts []string          `json:"serviceAccounts,omitempty"`
	Databases       []databaseAccount `json:"databases"`
	// Rotation is that of the status: the old login, until when, and who holds it.
	Rotation  *v1alpha1.RotationStatus `json:"rotation,omitempty"`
	Pods      []consumer               `json:"pods"`
	Workloads []consumer               `json:"workloads"`
	NotSeen   []string                 `json:"notSeen"`

	user *v1alpha1.DatabaseUser
}

// databaseAccount is a database of a user.
type databaseAccount struct {
	Name       string `json:"name"`
	Namespace  string `json:"namespace"`
	Privileges string `json:"privileges"`
	Phase      string `json:"phase,omitempty"`
	Message    string `json:"message,omitempty"`
}

// explainUser returns what is to be said of a DatabaseUser.
func explainUser(ctx context.Context, s *sight, object *unstructured.Unstructured) (account, error) {
	user, err := typed[v1alpha1.DatabaseUser](object)
	if err != nil {
		return nil, err
	}
	a := &userAccount{Kind: v1alpha1.KindDatabaseUser, Name: user.Name, Namespace: user.Namespace, Phase: user.Status.Phase, Message: user.Status.Message,
		Login: user.CurrentUsername(), Cluster: user.Status.ClusterName, Secret: review.SecretName(user), Revision: user.Status.SecretRevision,
		Ready: review.CredentialsReady(user), ServiceAccounts: user.Spec.ServiceAccounts, Rotation: user.Status.Rotation, user: user}
	if a.Phase == "" {
		a.Phase, a.Message = v1alpha1.PhasePending, "nothing has provisioned it so far"
	}
	if err := s.readLabels(ctx); err != nil {
		return nil, err
	}
	if a.Databases, err = s.databasesOf(ctx, user); err != nil {
		return nil, err
	}
	secrets, err := s.secretsOf(ctx, user)
	if err != nil {
		return nil, err
	}
	a.Pods, a.Workloads, err = s.consumers(ctx, wanted{[]*v1alpha1.DatabaseUser{user}, secrets})
	a.NotSeen = s.notSeen
	return a, err
}

// databasesOf reads the databases of a user.
func (s *sight) databasesOf(ctx context.Context, user *v1alpha1.DatabaseUser) ([]databaseAccount, error) {
	all := []databaseAccount{}
	for _, access := range user.Access() {
		d := databaseAccount{Name: access.Name, Namespace: access.Namespace, Privileges: string(access.Privileges)}
		object, err := s.env.get(ctx, dbKind, access.Namespace, access.Name)
		switch {
		case apierrors.IsNotFound(err) && !isUnknownResource(err):
			d.Message = "there is no such Database"
		case s.noteForbidden(err):
		case err != nil:
			return nil, err
		default:
			database, err := typed[v1alpha1.Database](object)
			if err != nil {
				return nil, err
			}
			d.Phase, d.Message = cmp.Or(database.Status.Phase, v1alpha1.PhasePending), database.Status.Message
		}
		all = append(all, d)
	}
	return all, nil
}

// secretsOf reads the Secrets of a user.
func (s *sight) secretsOf(ctx context.Context, user *v1alpha1.DatabaseUser) ([]live, error) {
	var all []live
	for _, name := range review.SecretNames(user) {
		l, err := s.secret(ctx, name)
		if err != nil {
			return nil, err
		}
		all = append(all, l)
	}
	return all, nil
}

func (a *userAccount) describe() *description {
	text := newAccountText(a.Name, a.Namespace)
	phase := a.Phase
	if a.Message != "" && a.Phase != v1alpha1.PhaseReady {
		phase += ": " + review.OneLine(a.Message)
	}
	text.field("Phase", phase)
	text.field("Login", a.Login)
	text.field("Cluster", a.Cluster)
	secret := a.Secret
	switch {
	case !a.Ready:
		secret += ": no credential in it that works, so no pod is given it"
	case a.Revision > 0:
		secret += fmt.Sprintf(", revision %d", a.Revision)
	}
	text.field("Secret", secret)
	text.fieldIfSet("Service accounts", strings.Join(a.ServiceAccounts, ", "))
	text.section("Databases")
	if len(a.Databases) > 0 {
		text.row("NAME", "PRIVILEGES", "PHASE")
	}
	for _, d := range a.Databases {
		name, phase := d.Name, d.Phase
		if d.Namespace != a.Namespace {
			name = d.Namespace + "/" + name
		}
		if d.Phase != v1alpha1.PhaseReady && d.Message != "" {
			phase = strings.TrimPrefix(phase+": "+review.OneLine(d.Message), ": ")
		}
		text.row(name, d.Privileges, phase)
	}
	describeRotation(text, a.user)
	text.consumers(a.Pods, a.Workloads)
	text.notSeen(a.NotSeen)
	return text
}
