package runner_test

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/provision"
	"github.com/dbtether/kubectl-dbtether/pkg/runner"
)

// TestRestart lets a runner rotate users whose credentials are in the environment of pods:
// it restarts the workloads that ask for it, and those that ask later, each once.
func TestRestart(t *testing.T) {
	s := newSite(t)
	name := "restart-" + s.id
	s.rotatable(t, name, "Alternate")
	s.run(t, name, "web", "Deployment", map[string]string{v1alpha1.AnnotationOnRotate: "restart"})
	s.run(t, name, "silent", "Deployment", nil)
	w := s.start(t, s.admin, func(o *runner.Options) { o.Namespace = name })
	s.waitPhase(t, v1alpha1.KindDatabaseUser, name, "app", v1alpha1.PhaseReady)
	if got := s.restarts(t, name); got != "silent 1: \nweb 1: " {
		t.Errorf("before a rotation something was restarted:\n%s", got)
	}
	s.rotate(t, name, "2030-01-02T03:04:05Z")
	if got := s.restarts(t, name); got != "silent 1: \nweb 2: app@2" {
		t.Errorf("after the rotation these were restarted:\n%s", got)
	}
	s.run(t, name, "ledger", "StatefulSet", map[string]string{v1alpha1.AnnotationOnRotate: "restart"})
	s.patch(t, v1alpha1.KindDatabaseUser, name, "app", `{"metadata":{"annotations":{"look":"again"}}}`)
	const all = "silent 1: \nweb 2: app@2\nledger 2: app@2"
	eventually(t, "what asks later is restarted", func() error {
		if got := s.restarts(t, name); got != all {
			return fmt.Errorf("these were:\n%s", got)
		}
		return nil
	})
	s.patch(t, v1alpha1.KindDatabaseUser, name, "app", `{"metadata":{"annotations":{"look":"once more"}}}`)
	eventually(t, "it has looked once more", func() error {
		w.mu.Lock()
		defer w.mu.Unlock()
		if last := w.results[len(w.results)-1]; last.Name != "app" || last.Restarted != nil || len(w.results) < 5 {
			return fmt.Errorf("the last result is %+v", last)
		}
		return nil
	})
	if got := s.restarts(t, name); got != all {
		t.Errorf("something was restarted twice:\n%s", got)
	}
	s.told(t, name, "restarted deployment.apps/web", "restarted statefulset.apps/ledger")
	w.stop()
}

// TestRestartForbidden lets a runner rotate that may restart nothing: it says so, and the
// rotation has not failed. The next one that may, however little it looks at, restarts.
func TestRestartForbidden(t *testing.T) {
	s := newSite(t)
	name := "unable-" + s.id
	s.rotatable(t, name, "InPlace")
	s.run(t, name, "web", "Deployment", map[string]string{v1alpha1.AnnotationOnRotate: "restart"})
	roles := s.rightsOf(t)
	roles[0].rules = without(roles[0].rules, right{"deployments", "patch"})
	as := s.account(t, name, roles)
	w := s.start(t, as, func(o *runner.Options) { o.Namespace = name })
	s.waitPhase(t, v1alpha1.KindDatabaseUser, name, "app", v1alpha1.PhaseReady)
	s.rotate(t, name, "2030-01-02T03:04:05Z")
	want := fmt.Sprintf("provisioned; warning: deployment.apps/web was not restarted: whoever ran this may not patch deployments in namespace %q", name)
	if phase, message := s.status(t, v1alpha1.KindDatabaseUser, name, "app"); phase != v1alpha1.PhaseReady || message != want {
		t.Errorf("the user is %s: %s: want Ready: %s", phase, message, want)
	}
	w.stop()
	p := s.provisioner(s.admin)
	defer p.Close()
	for range 2 { // the second finds nothing to do
		if err := p.Reconcile(t.Context(), name, provision.Bulk{Quick: true, Done: func(provision.Result) {}}); err != nil {
			t.Fatal(err)
		}
		if got := s.restarts(t, name); got != "web 2: app@2" {
			t.Errorf("a quick run has restarted\n%s", got)
		}
	}
}

// rotatable makes a database and a user, app.
func (s *site) rotatable(t *testing.T, name, strategy string) {
	t.Helper()
	s.namespace(t, name)
	s.cluster(t, name, name, map[string]any{"namespaceSelector": map[string]any{"matchLabels": map[string]any{"site": s.id}}})
	err := errors.Join(
		s.create(t, v1alpha1.KindDatabase, name, name, map[string]any{"clusterRef": map[string]any{"name": name}}),
		s.create(t, v1alpha1.KindDatabaseUser, name, "app", map[string]any{"databaseRef": map[string]any{"name": name}, "username": name,
			"rotation": map[string]any{"strategy": strategy}}))
	if err != nil {
		t.Fatal(err)
	}
}

// rotate asks for a rotation, and waits for the answer.
func (s *site) rotate(t *testing.T, namespace, request string) {
	t.Helper()
	s.patch(t, v1alpha1.KindDatabaseUser, namespace, "app", `{"metadata":{"annotations":{"dbtether.io/rotate":"`+request+`"}}}`)
	eventually(t, "it is rotated", func() error {
		object, err := s.get(t, v1alpha1.KindDatabaseUser, namespace, "app")
		if err == nil && !strings.Contains(encode(t, object.Object["status"]), `"request":"`+request+`"`) {
			err = fmt.Errorf("its status is %s", encode(t, object.Object["status"]))
		}
		return err
	})
}

// run makes a workload and, as its controller would, a pod of it that was injected with
// the first credential of the user app.
func (s *site) run(t *testing.T, namespace, name, kind string, annotations map[string]string) {
	t.Helper()
	labels := map[string]string{"app": name}
	template := corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels, Annotations: annotations},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "app"}}}}
	meta, selector := metav1.ObjectMeta{Name: name}, &metav1.LabelSelector{MatchLabels: labels}
	owner := metav1.OwnerReference{APIVersion: "apps/v1", Kind: kind, Name: name, UID: types.UID(name), Controller: new(bool)}
	*owner.Controller = true
	apps := s.admin.kube.AppsV1()
	var err error
	switch kind {
	case "Deployment":
		owner.Kind, owner.Name = "ReplicaSet", name+"-7d4"
		_, err = apps.Deployments(namespace).Create(t.Context(), &appsv1.Deployment{ObjectMeta: meta, Spec: appsv1.DeploymentSpec{Selector: selector, Template: template}}, metav1.CreateOptions{})
	case "StatefulSet":
		_, err = apps.StatefulSets(namespace).Create(t.Context(), &appsv1.StatefulSet{ObjectMeta: meta, Spec: appsv1.StatefulSetSpec{Selector: selector, Template: template}}, metav1.CreateOptions{})
	default:
		_, err = apps.DaemonSets(namespace).Create(t.Context(), &appsv1.DaemonSet{ObjectMeta: meta, Spec: appsv1.DaemonSetSpec{Selector: selector, Template: template}}, metav1.CreateOptions{})
	}
	if err != nil {
		t.Fatal(err)
	}
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "default"}}
	if _, err := s.admin.kube.CoreV1().ServiceAccounts(namespace).Create(t.Context(), account, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels, OwnerReferences: []metav1.OwnerReference{owner},
		Annotations: map[string]string{v1alpha1.AnnotationInjected: "app@1:env"}}, Spec: template.Spec}
	for key, value := range annotations {
		pod.Annotations[key] = value
	}
	if kind == "Deployment" {
		pod.Labels = map[string]string{"app": name, "pod-template-hash": "7d4"}
	}
	pod.Spec.AutomountServiceAccountToken = new(bool)
	if _, err := s.admin.kube.CoreV1().Pods(namespace).Create(t.Context(), pod, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// restarts says of each workload how many specs it has had, and for what its template was
// restarted.
func (s *site) restarts(t *testing.T, namespace string) string {
	t.Helper()
	apps := s.admin.kube.AppsV1()
	deployments, err := apps.Deployments(namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	statefulSets, err := apps.StatefulSets(namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	daemonSets, err := apps.DaemonSets(namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	line := func(meta metav1.ObjectMeta, template corev1.PodTemplateSpec) {
		lines = append(lines, fmt.Sprintf("%s %d: %s", meta.Name, meta.Generation, withoutUID.ReplaceAllString(template.Annotations[v1alpha1.AnnotationRestartedFor], "$1")))
	}
	for _, one := range deployments.Items {
		line(one.ObjectMeta, one.Spec.Template)
	}
	for _, one := range statefulSets.Items {
		line(one.ObjectMeta, one.Spec.Template)
	}
	for _, one := range daemonSets.Items {
		line(one.ObjectMeta, one.Spec.Template)
	}
	return strings.Join(lines, "\n")
}

// withoutUID finds what says of which DatabaseUser a revision is.
var withoutUID = regexp.MustCompile(`(@[0-9]+)/[0-9a-f]{8}`)

// told expects that Events of a namespace say all of these.
func (s *site) told(t *testing.T, namespace string, wants ...string) {
	t.Helper()
	list, err := s.admin.kube.CoreV1().Events(namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range wants {
		if !slices.ContainsFunc(list.Items, func(e corev1.Event) bool { return strings.Contains(e.Message, want) }) {
			t.Errorf("no Event says %q", want)
		}
	}
}
