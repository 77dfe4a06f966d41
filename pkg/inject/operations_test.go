package inject

import "testing"

// The examples of RFC 6901, section 3, and the order of the two escapes.
func TestAppendToken(t *testing.T) {
	for token, want := range map[string]string{
		"dbtether.io/injected": "dbtether.io~1injected", "m~n": "m~0n", "~1": "~01", "a/~b": "a~1~0b", "": "",
	} {
		if got := string(appendToken(nil, token)); got != want {
			t.Errorf("%q: %s, want %s", token, got, want)
		}
	}
}
