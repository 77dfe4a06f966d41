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

// callers are those who may ask for reviews: who shows a client certificate that an authority
// in a file signed and, if there are names, that has one of them. The zero value lets
// everybody ask.
//
// An API server shows a certificate if its AdmissionConfiguration has a kubeconfig for the
// webhook: https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#authenticate-apiservers
type callers struct {
	file  string
	names []string
}

// known reports whether callers have to show a certificate.
func (c callers) known() bool { return c.file != "" }

// authorities reads the file. It is called at each handshake, so that the file may change. The
// error says what is wrong with it.
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

// require makes a server ask for certificates, and refuse those that no authority in the file
// signed. Who shows none is refused by admit, which can say why.
func (c callers) require(config *tls.Config) {
	if !c.known() {
		return
	}
	config.ClientAuth = tls.VerifyClientCertIfGiven
	// With a ticket a session could be resumed after its authority was taken out of the file.
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

// admit lets those ask who may, and answers the others with 401, for no certificate, or with
// 403, for another name.
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

// refuseCaller answers with a Status, whose message the API server passes on to its user.
func refuseCaller(w http.ResponseWriter, code int32, reason metav1.StatusReason, message string) {
	// A struct of strings always marshals.
	body, _ := json.Marshal(metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusFailure, Code: code, Reason: reason, Message: message})
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(int(code))
	_, _ = w.Write(body) // it fails if who asked has gone
}

// named reports whether a certificate has one of the names, as its common name or a DNS name.
func (c callers) named(leaf *x509.Certificate) bool {
	return len(c.names) == 0 || slices.ContainsFunc(append([]string{leaf.Subject.CommonName}, leaf.DNSNames...), func(name string) bool {
		return slices.Contains(c.names, name)
	})
}
