package provision

import (
	"errors"
	"strings"
	"testing"
)

// maxMessage is what the schemas admit in status.message.
const maxMessage = 4096

// TestMessagesFitTheStatus cuts what is too long for the status, warnings included: a
// status that the API server refuses would make a run fail that has done its work.
func TestMessagesFitTheStatus(t *testing.T) {
	long := strings.Repeat("GRANT SELECT ON TABLE a TO b; ", 1000)
	for name, o := range map[string]outcome{"warning": {message: long}, "error": {err: errors.New(long)}, "hint": {err: failed(long, "no")}} {
		if text := o.text(); len(text) > maxMessage || len(text) < maxMessage/2 {
			t.Errorf("%s: %d bytes", name, len(text))
		}
	}
}
