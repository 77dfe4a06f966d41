package plugin

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/revision"
)

// head returns what the metadata of a Secret say, and the DatabaseUser whose credential it
// holds; nil: of none. Of a Secret that there is not the name alone is known.
func (e *Environment) head(ctx context.Context, store revision.Store, namespace, name string) (revision.Managed, *v1alpha1.DatabaseUser, error) {
	head, err := store.Head(ctx, namespace, name)
	if err != nil {
		return revision.Managed{}, nil, err
	}
	if head == nil {
		return revision.Managed{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}, nil, nil
	}
	if head.OwnerUID() == "" {
		return *head, nil, nil
	}
	list, err := e.list(ctx, userKind, namespace, metav1.ListOptions{})
	if err != nil {
		return *head, nil, err
	}
	users, err := typedList[v1alpha1.DatabaseUser](list)
	if err != nil {
		return *head, nil, err
	}
	for i := range users {
		if users[i].UID == head.OwnerUID() {
			return *head, &users[i], nil
		}
	}
	return *head, nil, Hinted(fmt.Errorf("secret %q in namespace %q holds the credential of a DatabaseUser that does not exist any more", name, namespace),
		"if nobody needs that login: kubectl delete secret %s -n %s", name, namespace)
}
