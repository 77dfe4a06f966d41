package plugin

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/revision"
)

// head reads the metadata of a Secret of the current namespace, and returns the DatabaseUser
// whose credential it holds, too; nil: it holds none. If there is no such Secret, the summary
// has its name and namespace only.
func (e *Environment) head(ctx context.Context, name string) (revision.Summary, *v1alpha1.DatabaseUser, error) {
	s, err := e.here()
	if err != nil {
		return revision.Summary{}, nil, err
	}
	namespace := s.namespace
	head, err := s.store.Head(ctx, namespace, name)
	if err != nil {
		return revision.Summary{}, nil, err
	}
	if head == nil {
		return revision.Summary{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}, nil, nil
	}
	if head.OwnerUID() == "" {
		return *head, nil, nil
	}
	user, err := e.credentialOwner(ctx, head.OwnerUID(), name, namespace)
	return *head, user, err
}

// credentialOwner reads the DatabaseUsers of a namespace, and returns the one whose
// credential a Secret holds.
func (e *Environment) credentialOwner(ctx context.Context, uid types.UID, name, namespace string) (*v1alpha1.DatabaseUser, error) {
	list, err := e.list(ctx, userKind, namespace, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	users, err := typedList[v1alpha1.DatabaseUser](list)
	if err != nil {
		return nil, err
	}
	for i := range users {
		if users[i].UID == uid {
			return &users[i], nil
		}
	}
	return nil, Hinted(fmt.Errorf("secret %q in namespace %q holds the credential of a DatabaseUser that does not exist any more", name, namespace),
		"if nobody needs that login: kubectl delete secret %s -n %s", name, namespace)
}

// notOfCluster returns an error if a DBCluster logs in with the Secret: a value that is
// generated here is not the administrator's password. It returns nil where the caller may not
// list DBClusters.
func (e *Environment) notOfCluster(ctx context.Context, namespace, name string) error {
	list, err := e.list(ctx, clusterKind, "", metav1.ListOptions{})
	if apierrors.IsForbidden(err) || isUnknownResource(err) {
		return nil
	}
	if err != nil {
		return err
	}
	clusters, err := typedList[v1alpha1.DBCluster](list)
	if err != nil {
		return err
	}
	for i := range clusters {
		if clusters[i].Reads(namespace, name) {
			return Hinted(fmt.Errorf("secret %q in namespace %q is that of the administrator of DBCluster %q: a value that is generated here is not the password in PostgreSQL", name, namespace, clusters[i].Name),
				"change the password there first, then: kubectl dbtether secret set %s -n %s password=-", name, namespace)
		}
	}
	return nil
}
