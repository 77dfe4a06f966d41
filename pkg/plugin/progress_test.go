package plugin

import (
	"bytes"
	"strings"
	"testing"
)

// The progress line is shorter than the terminal is wide, however narrow that is.
func TestProgressWidth(t *testing.T) {
	for width, want := range map[int]string{1: "…", 2: "…", 4: "wo…", 8: "working"} {
		var out bytes.Buffer
		(&progress{out: &out, width: width}).step("working")
		if got := strings.TrimPrefix(out.String(), "\r\x1b[K"); got != want {
			t.Errorf("%d columns: %q, want %q", width, got, want)
		}
	}
}
