package admission

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
)

// certificateSource is where the serving certificate comes from. load returns the one to
// serve now; some sources make or renew it, if that is due. newest is the one that it
// returned before, nil at first.
type certificateSource interface {
	load(ctx context.Context, now time.Time, newest *keyPair) (*keyPair, error)
}

// certificateFiles are written by somebody else, for example by cert-manager, who
// also tells the API server whom to trust.
type certificateFiles struct{ certificate, key string }

func (f certificateFiles) load(context.Context, time.Time, *keyPair) (*keyPair, error) {
	certificatePEM, certificateErr := os.ReadFile(f.certificate)
	keyPEM, keyErr := os.ReadFile(f.key)
	if err := errors.Join(certificateErr, keyErr); err != nil {
		return nil, fmt.Errorf("read certificate: %w", err)
	}
	return parseKeyPair(certificatePEM, keyPEM, nil)
}

// certificateMemory makes a certificate that only this process has. It is for a webhook of one
// replica.
type certificateMemory struct{ wanted wanted }

func (m certificateMemory) load(_ context.Context, now time.Time, newest *keyPair) (*keyPair, error) {
	if newest == nil {
		return m.wanted.issue(now, nil)
	}
	if newest.dueAt(now, m.wanted) {
		return m.wanted.issue(now, newest.bundlePEM)
	}
	return newest, nil
}

// authorityKey is the key of the bundle in the Secret. The keys of certificate and key are
// those of every Secret of type kubernetes.io/tls.
const authorityKey = "ca.crt"

// certificateSecret keeps one certificate for all replicas in a Secret. Whichever replica
// comes first makes it: the API server takes the write of one, and tells the others of the
// conflict.
type certificateSecret struct {
	client corev1client.SecretInterface
	name   string
	wanted wanted
}

func (s certificateSecret) load(ctx context.Context, now time.Time, newest *keyPair) (*keyPair, error) {
	// Twice, because a replica that lost the race reads what the winner wrote.
	var err error
	for range 2 {
		var pair *keyPair
		if pair, err = s.readOrRenew(ctx, now, newest); err == nil {
			return pair, nil
		}
		if !apierrors.IsConflict(err) && !apierrors.IsAlreadyExists(err) {
			break
		}
	}
	return nil, fmt.Errorf("keep certificate in secret %q: %w", s.name, err)
}

// readOrRenew returns the certificate in the Secret, or writes a new one into it if there is
// none or it is due. The error is a conflict if another replica was faster.
func (s certificateSecret) readOrRenew(ctx context.Context, now time.Time, newest *keyPair) (*keyPair, error) {
	stored, err := s.client.Get(ctx, s.name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		stored, err = nil, nil
	}
	if err != nil {
		return nil, err
	}
	var previous []byte
	if newest != nil {
		previous = newest.bundlePEM
	}
	if stored != nil {
		previous = stored.Data[authorityKey]
		// Content that cannot be read is replaced, because nobody can serve it.
		pair, err := parseKeyPair(stored.Data[corev1.TLSCertKey], stored.Data[corev1.TLSPrivateKeyKey], previous)
		if err == nil && len(previous) > 0 && !pair.dueAt(now, s.wanted) {
			return pair, nil
		}
	}
	pair, err := s.wanted.issue(now, previous)
	if err != nil {
		return nil, err
	}
	return pair, s.write(ctx, stored, pair)
}

// write creates the Secret, or updates it if it is still the version that was read.
func (s certificateSecret) write(ctx context.Context, stored *corev1.Secret, pair *keyPair) error {
	data := map[string][]byte{corev1.TLSCertKey: pair.certificatePEM, corev1.TLSPrivateKeyKey: pair.keyPEM, authorityKey: pair.bundlePEM}
	if stored == nil {
		_, err := s.client.Create(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: s.name}, Type: corev1.SecretTypeTLS, Data: data}, metav1.CreateOptions{})
		return err
	}
	stored.Data = data
	_, err := s.client.Update(ctx, stored, metav1.UpdateOptions{})
	return err
}
