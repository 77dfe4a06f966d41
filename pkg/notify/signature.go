package notify

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// The headers and the text form of a key are those of Standard Webhooks 1.0.0 (sections
// "Webhook headers" and "Signature scheme").
const (
	headerID        = "Webhook-Id"
	headerTimestamp = "Webhook-Timestamp"
	headerSignature = "Webhook-Signature"
	keyPrefix       = "whsec_"
)

// minKey is the least number of bytes of a key.
const minKey = 16

// parseKey returns the HMAC key that a Secret holds: after whsec_ as base64, else as its bytes.
// No error quotes it.
func parseKey(text []byte) (secret.Value, error) {
	if encoded, is := bytes.CutPrefix(bytes.TrimSpace(text), []byte(keyPrefix)); is {
		decoded, err := base64.StdEncoding.DecodeString(string(encoded))
		if err != nil {
			return secret.Value{}, fmt.Errorf("what follows %s in its key %q is not base64", keyPrefix, configurationKey)
		}
		text = decoded
	}
	switch {
	case len(text) == 0:
		return secret.Value{}, fmt.Errorf("it has no key %q", configurationKey)
	case len(text) < minKey:
		return secret.Value{}, fmt.Errorf("its key %q has fewer than %d bytes", configurationKey, minKey)
	}
	return secret.NewValue(text), nil
}

// errUnsigned would mean that a request is about to go out without a signature.
var errUnsigned = errors.New("there is no key to sign with")

// sign sets the headers by which a receiver knows an attempt's sender, age and identity.
func sign(header http.Header, key secret.Value, id string, at time.Time, body []byte) error {
	if key.IsZero() {
		return errUnsigned
	}
	timestamp := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(key.Reveal()))
	fmt.Fprintf(mac, "%s.%s.%s", id, timestamp, body)
	header.Set(headerID, id)
	header.Set(headerTimestamp, timestamp)
	header.Set(headerSignature, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return nil
}
