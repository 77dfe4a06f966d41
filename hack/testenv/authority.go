package testenv

import (
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
	"os"
	"time"
)

// authority is a certificate authority for one environment: it signs what only
// this environment trusts.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	certPEM     []byte
	keyPEM      []byte
}

func newAuthority(name string) (*authority, error) {
	a := &authority{}
	self := certificateTemplate(pkix.Name{CommonName: name})
	self.IsCA, self.BasicConstraintsValid = true, true
	self.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature
	var err error
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, err
	}
	a.certificate = self
	if a.certPEM, err = a.sign(self, &a.key.PublicKey); err != nil {
		return nil, err
	}
	if a.keyPEM, err = encodeKey(a.key); err != nil {
		return nil, err
	}
	block, _ := pem.Decode(a.certPEM)
	a.certificate, err = x509.ParseCertificate(block.Bytes)
	return a, err
}

// loadAuthority reads what another process's newAuthority has written.
func loadAuthority(certFile, keyFile string) (*authority, error) {
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, fmt.Errorf("read certificate authority: %w", err)
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("read certificate authority %q: not an ECDSA key", keyFile)
	}
	return &authority{certificate: pair.Leaf, key: key}, nil
}

func (a *authority) write(certFile, keyFile string) error {
	return errors.Join(os.WriteFile(certFile, a.certPEM, 0o644), os.WriteFile(keyFile, a.keyPEM, 0o600))
}

// issueServer returns a certificate, and its key, for localhost and 127.0.0.1.
func (a *authority) issueServer(name string) (certPEM, keyPEM []byte, err error) {
	leaf := certificateTemplate(pkix.Name{CommonName: name})
	leaf.KeyUsage = x509.KeyUsageDigitalSignature
	leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	leaf.DNSNames = []string{"localhost"}
	leaf.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1).To4()}
	return a.issue(leaf)
}

// issueClient returns a certificate, and its key, that the API server takes for
// a user in the groups.
func (a *authority) issueClient(user string, groups []string) (certPEM, keyPEM []byte, err error) {
	leaf := certificateTemplate(pkix.Name{CommonName: user, Organization: groups})
	leaf.KeyUsage = x509.KeyUsageDigitalSignature
	leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	return a.issue(leaf)
}

func (a *authority) issue(leaf *x509.Certificate) (certPEM, keyPEM []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	if certPEM, err = a.sign(leaf, &key.PublicKey); err != nil {
		return nil, nil, err
	}
	keyPEM, err = encodeKey(key)
	return certPEM, keyPEM, err
}

func (a *authority) sign(certificate *x509.Certificate, key *ecdsa.PublicKey) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	certificate.SerialNumber = serial
	der, err := x509.CreateCertificate(rand.Reader, certificate, a.certificate, key, a.key)
	if err != nil {
		return nil, fmt.Errorf("sign certificate %q: %w", certificate.Subject.CommonName, err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}

func certificateTemplate(subject pkix.Name) *x509.Certificate {
	now := time.Now()
	return &x509.Certificate{Subject: subject, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0)}
}

// encodeKey uses the SEC 1 form, the one from which kube-apiserver also reads the
// public key.
func encodeKey(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), nil
}
