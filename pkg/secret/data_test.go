package secret_test

import (
	"errors"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

func TestDataEqual(t *testing.T) {
	for _, c := range []struct {
		name string
		a, b secret.Data
		want bool
	}{
		{"both empty", nil, secret.Data{}, true},
		{"same", secret.Data{"a": []byte("1")}, secret.Data{"a": []byte("1")}, true},
		{"other value", secret.Data{"a": []byte("1")}, secret.Data{"a": []byte("2")}, false},
		{"other key", secret.Data{"a": []byte("1")}, secret.Data{"b": []byte("1")}, false},
		{"one more", secret.Data{"a": []byte("1")}, secret.Data{"a": []byte("1"), "b": nil}, false},
		{"an empty value for a missing one", secret.Data{"a": nil}, secret.Data{"b": nil}, false},
	} {
		if c.a.Equal(c.b) != c.want || c.b.Equal(c.a) != c.want {
			t.Errorf("%s: want %v", c.name, c.want)
		}
	}
}

func TestDataMerge(t *testing.T) {
	before := secret.Data{"a": []byte("1"), "b": []byte("2")}
	merged := before.Merge(secret.Data{"b": []byte("3"), "c": []byte("4")}, "a", "none")
	if !merged.Equal(secret.Data{"b": []byte("3"), "c": []byte("4")}) || !before.Equal(secret.Data{"a": []byte("1"), "b": []byte("2")}) {
		t.Errorf("got %q of %q", merged, before)
	}
	if got := secret.Data(nil).Merge(nil); got == nil || len(got) != 0 {
		t.Errorf("nothing and nothing is %v", got)
	}
}

// TestCheckKey compares the keys that are taken with those that the API server takes
// (k8s.io/apimachinery, validation.IsConfigMapKey).
func TestCheckKey(t *testing.T) {
	for _, key := range []string{"A", "a-b_c.d", ".env", "-", "a..b", strings.Repeat("k", 253), "", ".", "..", "..a", "a b", "a/b", "é", "a\n", strings.Repeat("k", 254)} {
		err := secret.CheckKey(key)
		if taken := len(validation.IsConfigMapKey(key)) == 0; taken != (err == nil) {
			t.Errorf("%q: %v, and the API server takes it: %t", key, err, taken)
		}
		var named *secret.KeyError
		if err != nil && (!errors.As(err, &named) || named.Key != key) {
			t.Errorf("%q: %v", key, err)
		}
	}
}
