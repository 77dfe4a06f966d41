package admission

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// callers are who may ask for reviews: the bearers of a client certificate that an
// authority of a file signed, and of one of the names if there are any. The zero value
// lets everybody ask.
//
// An API server shows one where its AdmissionConfiguration has a kubeconfig for the
// webhook: https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#authenticate-apiservers
type callers struct {
	file  string
	names []string
}

// known reports whether callers are told apart.
func (c callers) known() bool { return c.file != "" }

// authorities reads the file: at each handshake, so that it may change. An error says
// what is wrong with it.
func (c callers) authorities() (*x509.CertPool, error) {
	text, err := os.ReadFile(c.file)
	if err != nil {
		return nil, fmt.Errorf("read the authority of client certificates: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("read the authority of client certificates: %s holds no certificate in PEM", c.file)
	}
	return pool, nil
}

// require makes a server ask for certificates, and refuse those that no authority of the
// file signed. Who shows none is refused by admit, which can say why.
func (c callers) require(config *tls.Config) {
	if !c.known() {
		return
	}
	config.ClientAuth = tls.VerifyClientCertIfGiven
	// A ticket would carry a certificate past the authority that has left the file.
	config.SessionTicketsDisabled = true
	base := config.Clone()
	config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		pool, err := c.authorities()
		if err != nil {
			return nil, err
		}
		now := base.Clone()
		now.ClientCAs = pool
		return now, nil
	}
}

const noClientCertificate = "the API server shows no client certificate, without which this webhook answers nobody: " +
	"its AdmissionConfiguration needs a kubeconfig with one for this webhook"

// admit answers who may not ask, with 401 for no certificate and 403 for another name.
func (c callers) admit(next http.Handler) http.Handler {
	if !c.known() {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
			refuseCaller(w, http.StatusUnauthorized, metav1.StatusReasonUnauthorized, noClientCertificate)
			return
		}
		if leaf := r.TLS.VerifiedChains[0][0]; !c.named(leaf) {
			refuseCaller(w, http.StatusForbidden, metav1.StatusReasonForbidden, fmt.Sprintf("the client certificate of %q is none of those that this webhook answers (--client-name)", leaf.Subject.CommonName))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// refuseCaller answers in the form of which the API server passes the message on.
func refuseCaller(w http.ResponseWriter, code int32, reason metav1.StatusReason, message string) {
	// A struct of strings always marshals.
	body, _ := json.Marshal(metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusFailure, Code: code, Reason: reason, Message: message})
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(int(code))
	_, _ = w.Write(body) // who asked has gone
}

func (c callers) named(leaf *x509.Certificate) bool {
	return len(c.names) == 0 || slices.ContainsFunc(append([]string{leaf.Subject.CommonName}, leaf.DNSNames...), func(name string) bool {
		return slices.Contains(c.names, name)
	})
}
