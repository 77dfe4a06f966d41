package testenv

import (
	"errors"
	"strings"
)

// FailedReviews returns those lines of an API server's /metrics that count reviews which no
// webhook answered: requests that passed without one, and requests that were refused for want
// of one. The counts never fall. It is an error if no webhook was asked yet.
func FailedReviews(metrics string) (string, error) {
	if !strings.Contains(metrics, "apiserver_admission_webhook_admission_duration_seconds_count{") {
		return "", errors.New("the API server's metrics say nothing of webhooks")
	}
	var failed strings.Builder
	for line := range strings.Lines(metrics) {
		if strings.HasPrefix(line, "apiserver_admission_webhook_fail_open_count{") ||
			strings.HasPrefix(line, "apiserver_admission_webhook_rejection_count{") && strings.Contains(line, `error_type="calling_webhook_error"`) {
			failed.WriteString(line)
		}
	}
	return failed.String(), nil
}
