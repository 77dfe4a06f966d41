package main

import (
	"strings"
	"testing"
)

func TestWithoutToolHashes(t *testing.T) {
	const bill = `{"metadata": {"tools": [{"name": "a", "hashes": [{"alg": "MD5"}]}]}, "components": [{"name": "b", "hashes": [{"alg": "SHA-256"}]}]}`
	got, err := withoutToolHashes([]byte(bill))
	if err != nil || strings.Contains(string(got), "MD5") || !strings.Contains(string(got), "SHA-256") || !strings.HasSuffix(string(got), "}\n") {
		t.Errorf("got %s, %v", got, err)
	}
	for _, bad := range []string{"", `{}`, `{"metadata": {"tools": {"components": []}}}`, `{"metadata": {"tools": [{}, {}]}}`} {
		if got, err := withoutToolHashes([]byte(bad)); err == nil {
			t.Errorf("%q: got %s", bad, got)
		}
	}
}
