package plugin

import (
	"context"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
	"github.com/dbtether/kubectl-dbtether/pkg/notify"
)

// What was written before an interrupt is announced after it.
func TestInformAfterAnInterrupt(t *testing.T) {
	streams, _, _, errOut := genericiooptions.NewTestIOStreams()
	env := NewEnvironment(streams, "v0")
	env.Config.KubeConfig = &testenv.SharedControlPlane(t).Kubeconfig
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	env.inform(ctx, notify.Change{Kind: notify.Changed, Namespace: metav1.NamespaceDefault, Name: "interrupted", Author: "jane", Changed: []string{"A"}})
	if errOut.Len() > 0 {
		t.Error(errOut)
	}
	core, err := env.core()
	if err != nil {
		t.Fatal(err)
	}
	events, err := core.Events(metav1.NamespaceDefault).List(t.Context(), metav1.ListOptions{FieldSelector: "involvedObject.name=interrupted"})
	if err != nil || len(events.Items) != 1 {
		t.Errorf("%d Events, %v", len(events.Items), err)
	}
}

// So is a rotation, of which the Secret is read first.
func TestInformOfRotationAfterAnInterrupt(t *testing.T) {
	streams, _, _, errOut := genericiooptions.NewTestIOStreams()
	env := NewEnvironment(streams, "v0")
	env.Config.KubeConfig = &testenv.SharedControlPlane(t).Kubeconfig
	core, err := env.core()
	if err != nil {
		t.Fatal(err)
	}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceDefault, GenerateName: "rotated-"}}
	if secret, err = core.Secrets(secret.Namespace).Create(t.Context(), secret, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	env.informOfRotation(ctx, []string{secret.Namespace + "/" + secret.Name})
	events, err := core.Events(secret.Namespace).List(t.Context(), metav1.ListOptions{FieldSelector: "involvedObject.name=" + secret.Name})
	if err != nil || len(events.Items) != 1 || errOut.Len() > 0 {
		t.Errorf("%d Events, %v\n%s", len(events.Items), err, errOut)
	}
}
