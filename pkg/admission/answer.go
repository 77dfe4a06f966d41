package admission

import (
	"encoding/json"
	"net/http"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/review"
)

// answerWriter passes on what kubewebhook's handler writes, except for denials: that handler
// gives each of them the code 400 and no reason.
type answerWriter struct {
	http.ResponseWriter
	exchange *exchange
}

// Write implements http.ResponseWriter. The handler calls it once, with the whole answer.
func (w answerWriter) Write(answer []byte) (int, error) {
	if w.exchange.result != outcomeDenied {
		return w.ResponseWriter.Write(answer)
	}
	own, err := denial(w.exchange.request.UID, w.exchange.outcome)
	if err != nil {
		return 0, err
	}
	if _, err := w.ResponseWriter.Write(own); err != nil {
		return 0, err
	}
	return len(answer), nil
}

// denial returns the AdmissionReview that denies, with the code of the outcome and
// the reason that belongs to it: kubectl shows the reason first.
func denial(uid string, outcome review.Outcome) ([]byte, error) {
	type response struct {
		UID      string        `json:"uid"`
		Allowed  bool          `json:"allowed"`
		Status   metav1.Status `json:"status"`
		Warnings []string      `json:"warnings,omitempty"`
	}
	status := metav1.Status{Status: metav1.StatusFailure, Code: outcome.Code, Reason: reason(outcome.Code), Message: outcome.Message}
	return json.Marshal(struct {
		Kind       string   `json:"kind"`
		APIVersion string   `json:"apiVersion"`
		Response   response `json:"response"`
	}{review.ReviewKind, review.ReviewAPIVersion, response{uid, outcome.Allowed, status, outcome.Warnings}})
}

func reason(code int32) metav1.StatusReason {
	switch code {
	case http.StatusForbidden:
		return metav1.StatusReasonForbidden
	case http.StatusBadRequest:
		return metav1.StatusReasonBadRequest
	default:
		return metav1.StatusReasonInternalError
	}
}
