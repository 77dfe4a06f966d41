package secretfile

import (
	"encoding/base64"
	"errors"
	"strings"

	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// valueKey is the key of what has none: a secret of AWS that is no object.
const valueKey = "value"

// aws reads an answer of AWS Secrets Manager: GetSecretValue or BatchGetSecretValue
// (API reference of both, section "Response Syntax").
func (r *reader) aws(text []byte) error {
	nodes, err := parseJSON(r.format, text)
	if err != nil {
		return err
	}
	values, answer := nodes, nodes[0]
	if batch := answer.get("SecretValues"); len(nodes) == 1 && batch.is(arrayNode) {
		values = batch.elements
		for _, failed := range answer.list("Errors") {
			r.refused = append(r.refused, r.fail("export it as someone who may read all of them",
				"AWS could not give secret %q: %s", failed.textOf("SecretId"), failed.textOf("ErrorCode")))
		}
		if answer.textOf("NextToken") != "" {
			r.warn("the file holds one page: AWS has more secrets, from its NextToken on")
		}
	}
	if len(values) == 0 && len(r.refused) == 0 {
		return r.fail("", "it holds no secret")
	}
	for _, value := range values {
		if err := r.awsValue(value, len(values) == 1); err != nil {
			return err
		}
	}
	return nil
}

// awsValue adds a secret. One that is no object of JSON becomes one key.
func (r *reader) awsValue(value *node, only bool) error {
	title := value.textOf("Name")
	name := r.named(title, only)
	if binary := value.get("SecretBinary"); binary.is(stringNode) {
		decoded, err := base64.StdEncoding.DecodeString(binary.text)
		if err != nil {
			return r.fail("", "SecretBinary of %q is not base64", title)
		}
		r.warn("secret %q is binary: it becomes the key %q", title, valueKey)
		r.add(name, secret.Data{valueKey: decoded})
		return nil
	}
	text := value.get("SecretString")
	if !text.is(stringNode) {
		return r.fail("export it with: aws secretsmanager get-secret-value", "it is not an answer of AWS Secrets Manager: it has no SecretString")
	}
	inSecret := title
	if only {
		inSecret = ""
	}
	if object, err := r.inner(text.text); err != nil {
		return err
	} else if object != nil {
		r.add(name, r.flat(object, inSecret))
		return nil
	}
	r.warn("secret %q is no object of keys: it becomes the key %q", title, valueKey)
	r.add(name, secret.Data{valueKey: []byte(text.text)})
	return nil
}

// inner returns the object that a string holds, and nil where it is other text: a
// password may begin like JSON.
func (r *reader) inner(text string) (*node, error) {
	if !strings.HasPrefix(strings.TrimSpace(text), "{") {
		return nil, nil
	}
	nodes, err := parseJSON(r.format, []byte(text))
	var refused *RefusedError
	if errors.As(err, &refused) {
		return nil, err
	}
	if err != nil || len(nodes) != 1 || !nodes[0].is(objectNode) {
		return nil, nil
	}
	return nodes[0], nil
}
