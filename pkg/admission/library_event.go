package admission

import (
	"context"
	"fmt"
	"regexp"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/cache"

	"github.com/dbtether/kubectl-dbtether/pkg/words"
)

// The reasons of Events about policies.
const (
	eventNotLoaded = "PoliciesNotLoaded"
	eventLeftOut   = "PolicyLeftOut"
)

// maxEventMessage is the length of the longest message of an Event that the API server takes.
const maxEventMessage = 1024

// eventTimeout bounds one write.
const eventTimeout = 5 * time.Second

// events writes Events into our namespace.
type events struct {
	client    corev1client.EventInterface
	namespace string
	replica   string
}

// warn writes an Event with a text: about the ConfigMap that the text names, if configs has it,
// else about the namespace.
func (e events) warn(ctx context.Context, configs cache.Store, reason, text string, now time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, eventTimeout)
	defer cancel()
	about := corev1.ObjectReference{APIVersion: "v1", Kind: "Namespace", Namespace: e.namespace, Name: e.namespace}
	if config := namedConfigMap(configs, text); config != nil {
		about = corev1.ObjectReference{APIVersion: "v1", Kind: "ConfigMap", Namespace: config.Namespace, Name: config.Name, UID: config.UID, ResourceVersion: config.ResourceVersion}
	}
	at := metav1.NewTime(now)
	_, err := e.client.Create(ctx, &corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{Name: fmt.Sprintf("%s.%x", about.Name, now.UnixNano()), Namespace: e.namespace},
		InvolvedObject: about, Reason: reason, Message: words.Shorten(text, maxEventMessage), Type: corev1.EventTypeWarning,
		Source: corev1.EventSource{Component: fieldManager, Host: e.replica}, ReportingController: fieldManager, ReportingInstance: e.replica,
		FirstTimestamp: at, LastTimestamp: at, Count: 1,
	}, metav1.CreateOptions{FieldManager: fieldManager})
	return err
}

// configMapName matches the name that pkg/policy gives a ConfigMap as a source of policies. A
// colon, a space, or a slash and the name of a file follows it.
var configMapName = regexp.MustCompile(`configmap ([a-z0-9-]+/[a-z0-9.-]*[a-z0-9])`)

// namedConfigMap returns the ConfigMap that a text names first, or nil.
func namedConfigMap(configs cache.Store, text string) *corev1.ConfigMap {
	for _, match := range configMapName.FindAllStringSubmatch(text, -1) {
		if object, ok, _ := configs.GetByKey(match[1]); ok {
			return object.(*corev1.ConfigMap)
		}
	}
	return nil
}
