package testenv

import "testing"

func TestFailedReviews(t *testing.T) {
	const asked = "apiserver_admission_webhook_admission_duration_seconds_count{name=\"a\"} 7\n"
	const open = "apiserver_admission_webhook_fail_open_count{name=\"a\",type=\"admitting\"} 1\n"
	const refused = "apiserver_admission_webhook_rejection_count{error_type=\"calling_webhook_error\",name=\"b\"} 2\n"
	const denied = "apiserver_admission_webhook_rejection_count{error_type=\"no_error\",name=\"b\"} 3\n"
	for _, c := range []struct{ metrics, want string }{
		{asked + denied, ""},
		{open + asked + denied + refused, open + refused},
	} {
		if got, err := FailedReviews(c.metrics); got != c.want || err != nil {
			t.Errorf("%s: got %q, %v", c.metrics, got, err)
		}
	}
	if _, err := FailedReviews("process_open_fds 7\n"); err == nil {
		t.Error("metrics without webhooks are taken")
	}
}
