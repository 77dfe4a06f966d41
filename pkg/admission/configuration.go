package admission

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	admissionv1client "k8s.io/client-go/kubernetes/typed/admissionregistration/v1"
)

// configurations are the two objects, of one name, that make the API server call us. We
// write nothing into them but where we are reached and whom to trust there.
type configurations struct {
	client admissionv1client.AdmissionregistrationV1Interface
	name   string
	// url, if not empty, takes the place of the service: https://host:port.
	url string
}

// entryConfig is what is read of an entry of either configuration.
type entryConfig struct {
	name   string
	client admissionv1.WebhookClientConfig
}

// operation is one of a JSON Patch (RFC 6902).
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

// trust makes the API server trust the bundle when it calls us. It writes only
// where something else stands; a configuration that is not there is an error.
func (c configurations) trust(ctx context.Context, bundle []byte) error {
	return errors.Join(
		trustIn(ctx, c, c.client.MutatingWebhookConfigurations(), bundle, func(have *admissionv1.MutatingWebhookConfiguration) (entries []entryConfig) {
			for _, w := range have.Webhooks {
				entries = append(entries, entryConfig{w.Name, w.ClientConfig})
			}
			return entries
		}),
		trustIn(ctx, c, c.client.ValidatingWebhookConfigurations(), bundle, func(have *admissionv1.ValidatingWebhookConfiguration) (entries []entryConfig) {
			for _, w := range have.Webhooks {
				entries = append(entries, entryConfig{w.Name, w.ClientConfig})
			}
			return entries
		}))
}

// configurationClient is what both kinds of configuration have of a client.
type configurationClient[T any] interface {
	Get(ctx context.Context, name string, options metav1.GetOptions) (*T, error)
	Patch(ctx context.Context, name string, form types.PatchType, patch []byte, options metav1.PatchOptions, subresources ...string) (*T, error)
}

// trustIn is trust for one of the two configurations, whose entries entriesOf returns.
func trustIn[T any](ctx context.Context, c configurations, client configurationClient[T], bundle []byte, entriesOf func(*T) []entryConfig) error {
	have, err := client.Get(ctx, c.name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	patch, err := c.patch(entriesOf(have), bundle)
	if err != nil || patch == nil {
		return err
	}
	_, err = client.Patch(ctx, c.name, types.JSONPatchType, patch, metav1.PatchOptions{FieldManager: fieldManager})
	return err
}

// fieldManager is the name under which the API server records these writes.
const fieldManager = "dbtether-webhook"

// patch returns the JSON Patch that makes the entries trust the bundle, nil where nothing
// has to change.
func (c configurations) patch(entries []entryConfig, bundle []byte) ([]byte, error) {
	var operations []operation
	for i, e := range entries {
		path := fmt.Sprintf("/webhooks/%d", i)
		change, needed := c.change(path+"/clientConfig", e.client, bundle)
		if needed {
			// Positions move when somebody edits the list; the name says that it is still this one.
			operations = append(operations, operation{"test", path + "/name", e.name}, change)
		}
	}
	if operations == nil {
		return nil, nil
	}
	return json.Marshal(operations)
}

// change returns the smallest operation that is needed: on the bundle alone, unless the
// address differs, too.
func (c configurations) change(path string, have admissionv1.WebhookClientConfig, bundle []byte) (change operation, needed bool) {
	if c.url == "" {
		return operation{"add", path + "/caBundle", bundle}, !bytes.Equal(have.CABundle, bundle)
	}
	address := c.url
	switch {
	case have.Service != nil && have.Service.Path != nil:
		address += *have.Service.Path
	case have.URL != nil:
		if standing, err := url.Parse(*have.URL); err == nil {
			address += standing.Path
		}
	}
	if have.URL != nil && *have.URL == address {
		return operation{"add", path + "/caBundle", bundle}, !bytes.Equal(have.CABundle, bundle)
	}
	return operation{"replace", path, admissionv1.WebhookClientConfig{URL: &address, CABundle: bundle}}, true
}
