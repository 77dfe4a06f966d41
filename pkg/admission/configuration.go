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

// configurations are the two objects that make the API server call us, both of
// one name. We write nothing of them but how we are reached.
type configurations struct {
	client admissionv1client.AdmissionregistrationV1Interface
	name   string
	// url, if not empty, takes the place of the service: https://host:port.
	url string
}

// entryConfig is what a mutating and a validating webhook have in common.
type entryConfig struct {
	name   string
	client admissionv1.WebhookClientConfig
}

// operation is one of RFC 6902.
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

// trust makes the API server trust the bundle when it calls us. It writes only
// where something else stands; a configuration that is not there is an error.
func (c configurations) trust(ctx context.Context, bundle []byte) error {
	return errors.Join(c.trustMutating(ctx, bundle), c.trustValidating(ctx, bundle))
}

func (c configurations) trustMutating(ctx context.Context, bundle []byte) error {
	have, err := c.client.MutatingWebhookConfigurations().Get(ctx, c.name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	var entries []entryConfig
	for _, w := range have.Webhooks {
		entries = append(entries, entryConfig{w.Name, w.ClientConfig})
	}
	patch, err := c.patch(entries, bundle)
	if err != nil || patch == nil {
		return err
	}
	_, err = c.client.MutatingWebhookConfigurations().Patch(ctx, c.name, types.JSONPatchType, patch, metav1.PatchOptions{FieldManager: fieldManager})
	return err
}

func (c configurations) trustValidating(ctx context.Context, bundle []byte) error {
	have, err := c.client.ValidatingWebhookConfigurations().Get(ctx, c.name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	var entries []entryConfig
	for _, w := range have.Webhooks {
		entries = append(entries, entryConfig{w.Name, w.ClientConfig})
	}
	patch, err := c.patch(entries, bundle)
	if err != nil || patch == nil {
		return err
	}
	_, err = c.client.ValidatingWebhookConfigurations().Patch(ctx, c.name, types.JSONPatchType, patch, metav1.PatchOptions{FieldManager: fieldManager})
	return err
}

// fieldManager is the name under which the API server records these writes.
const fieldManager = "dbtether-webhook"

// patch returns nil where nothing has to change.
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

// change is the smallest one: of the bundle, unless the address differs too.
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
