package admission

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"slices"
	"time"
)

// DefaultCertificateLifetime is how long a certificate that we make is valid. It is replaced
// when two thirds of that are over, so a month remains to notice that it was not replaced.
const DefaultCertificateLifetime = 90 * 24 * time.Hour

// minCertificateLifetime is the shortest: it leaves the API servers a few seconds to read whom
// to trust.
const minCertificateLifetime = 30 * time.Second

// clockSkew is how far the API server's clock may be behind ours.
const clockSkew = 10 * time.Minute

// wanted says what a certificate that we make is to be like.
type wanted struct {
	hosts    []string // DNS names or IP addresses
	lifetime time.Duration
}

// keyPair is a serving certificate, its key, and the authorities that clients
// have to trust: its own and, for the time of a rotation, the one before.
type keyPair struct {
	certificatePEM, keyPEM, bundlePEM []byte

	tls tls.Certificate
}

// parseKeyPair returns an error unless key and certificate belong together.
func parseKeyPair(certificatePEM, keyPEM, bundlePEM []byte) (*keyPair, error) {
	pair, err := tls.X509KeyPair(certificatePEM, keyPEM)
	if err != nil {
		return nil, fmt.Errorf("read certificate and key: %w", err)
	}
	return &keyPair{certificatePEM: certificatePEM, keyPEM: keyPEM, bundlePEM: bundlePEM, tls: pair}, nil
}

// issue makes an authority, lets it sign one serving certificate, and forgets the key of the
// authority: nobody can sign with it later, and no Secret has to keep it. The bundle is the
// new authority and the newest of the previous bundle, which may be nil.
func (w wanted) issue(now time.Time, previous []byte) (*keyPair, error) {
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	authority, err := w.template(now, fmt.Sprintf("dbtether webhook authority %d", now.Unix()))
	if err != nil {
		return nil, err
	}
	authority.IsCA, authority.BasicConstraintsValid = true, true
	authority.KeyUsage = x509.KeyUsageCertSign
	authorityDER, err := x509.CreateCertificate(rand.Reader, authority, authority, &authorityKey.PublicKey, authorityKey)
	if err != nil {
		return nil, fmt.Errorf("sign certificate authority: %w", err)
	}
	// Parsed again for the subject key id, which only the encoded form has.
	if authority, err = x509.ParseCertificate(authorityDER); err != nil {
		return nil, err
	}
	certificatePEM, keyPEM, err := w.sign(now, authority, authorityKey)
	if err != nil {
		return nil, err
	}
	return parseKeyPair(certificatePEM, keyPEM, bundle(now, authorityDER, previous))
}

// sign makes a serving certificate with its key.
func (w wanted) sign(now time.Time, authority *x509.Certificate, authorityKey *ecdsa.PrivateKey) (certificatePEM, keyPEM []byte, err error) {
	if len(w.hosts) == 0 {
		return nil, nil, errors.New("sign certificate: no host names")
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	leaf, err := w.template(now, "dbtether webhook")
	if err != nil {
		return nil, nil, err
	}
	leaf.KeyUsage = x509.KeyUsageDigitalSignature
	leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	for _, host := range w.hosts {
		if ip := net.ParseIP(host); ip != nil {
			leaf.IPAddresses = append(leaf.IPAddresses, ip)
		} else {
			leaf.DNSNames = append(leaf.DNSNames, host)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, authority, &key.PublicKey, authorityKey)
	if err != nil {
		return nil, nil, fmt.Errorf("sign certificate: %w", err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), nil
}

// template returns what an authority and a serving certificate have in common.
func (w wanted) template(now time.Time, name string) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	return &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-clockSkew), NotAfter: now.Add(w.lifetime)}, nil
}

// bundle returns the authority in PEM, followed by the newest authority of the
// previous bundle unless that has expired. Older ones signed nothing that is still
// served.
func bundle(now time.Time, authorityDER, previous []byte) []byte {
	joined := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authorityDER})
	block, _ := pem.Decode(previous)
	if block == nil {
		return joined
	}
	old, err := x509.ParseCertificate(block.Bytes)
	if err != nil || now.After(old.NotAfter) {
		return joined
	}
	return append(joined, pem.EncodeToMemory(block)...)
}

// withAuthority returns the bundle with the authority of a certificate added, if it is not in
// it: somebody may have put a certificate into the Secret that knows nothing of the one that
// is served.
func withAuthority(bundle []byte, of *keyPair) []byte {
	block, _ := pem.Decode(of.bundlePEM)
	if block == nil {
		return bundle
	}
	authority := pem.EncodeToMemory(block)
	if bytes.Contains(bundle, authority) {
		return bundle
	}
	return slices.Concat(bundle, authority)
}

// validAt returns an error that says why a client would not accept the
// certificate at that time.
func (p *keyPair) validAt(now time.Time) error {
	leaf := p.tls.Leaf
	switch {
	case now.Before(leaf.NotBefore):
		return fmt.Errorf("the certificate is not valid before %s", leaf.NotBefore.UTC().Format(time.RFC3339))
	case now.After(leaf.NotAfter):
		return fmt.Errorf("the certificate expired at %s", leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	return nil
}

// dueAt reports whether a certificate of ours has to be replaced: because two thirds of its
// life are over, because its life has not begun (it was made while the clock was wrong),
// because it lives longer than w says, or because it is not for all of the hosts. One that
// lives shorter than w says is left alone, so that replicas with different settings, as in a
// rollout, do not replace each other's.
func (p *keyPair) dueAt(now time.Time, w wanted) bool {
	leaf := p.tls.Leaf
	for _, host := range w.hosts {
		if leaf.VerifyHostname(host) != nil {
			return true
		}
	}
	lifetime := leaf.NotAfter.Sub(leaf.NotBefore) - clockSkew
	return lifetime > w.lifetime || leaf.NotAfter.Sub(now) < lifetime/3 || now.Before(leaf.NotBefore)
}

func (p *keyPair) equal(other *keyPair) bool {
	return other != nil && bytes.Equal(p.certificatePEM, other.certificatePEM) && bytes.Equal(p.keyPEM, other.keyPEM)
}
