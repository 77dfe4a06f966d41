package secret_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	mathrand "math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

var lettersAndDigits = regexp.MustCompile(`^[A-Za-z0-9]+$`)

func TestGeneratePassword(t *testing.T) {
	seen := map[string]bool{}
	for _, length := range []int{12, 13, 24, 32, 128, 1000} {
		v, err := secret.GeneratePassword(rand.Reader, length)
		if err != nil {
			t.Fatal(err)
		}
		got := v.Reveal()
		if len(got) != length || !lettersAndDigits.MatchString(got) || seen[got] {
			t.Errorf("length %d: got %q", length, got)
		}
		seen[got] = true
	}
}

// TestGeneratePasswordIsEven draws many characters from a seeded source: each of
// the 62 comes up about as often as the others.
func TestGeneratePasswordIsEven(t *testing.T) {
	const each = 5000
	v, err := secret.GeneratePassword(mathrand.NewChaCha8([32]byte{1}), 62*each)
	if err != nil {
		t.Fatal(err)
	}
	counts := map[byte]int{}
	for _, b := range []byte(v.Reveal()) {
		counts[b]++
	}
	if len(counts) != 62 {
		t.Errorf("%d different characters, want 62", len(counts))
	}
	// Chi-squared with 61 degrees of freedom exceeds 110 once in 7,000 seeds. A
	// plain remainder of 256 would give over 30,000.
	chi := 0.0
	for _, n := range counts {
		chi += float64(n-each) * float64(n-each) / each
	}
	if chi > 110 {
		t.Errorf("chi-squared is %.0f: %v", chi, counts)
	}
}

// TestGeneratePasswordDrawsAgain feeds every byte once: those that would favour
// the first characters are passed over.
func TestGeneratePasswordDrawsAgain(t *testing.T) {
	source := append([]byte{248, 249, 255, 0, 61, 62, 247}, bytes.Repeat([]byte{1}, 20)...)
	v, err := secret.GeneratePassword(bytes.NewReader(source), 12)
	if err != nil {
		t.Fatal(err)
	}
	if want := "A9A9" + strings.Repeat("B", 8); v.Reveal() != want {
		t.Errorf("got %q, want %q", v.Reveal(), want)
	}
}

func TestGeneratePasswordRefuses(t *testing.T) {
	broken := errors.New("no entropy")
	for _, c := range []struct {
		name   string
		random io.Reader
		length int
		want   string
	}{
		{"too short", rand.Reader, 11, "generate password: length 11 is below 12"},
		{"zero", rand.Reader, 0, "generate password: length 0 is below 12"},
		{"negative", rand.Reader, -1, "generate password: length -1 is below 12"},
		{"failing source", iotest.ErrReader(broken), 12, "generate password: no entropy"},
		{"source that ends", strings.NewReader("short"), 12, "generate password: unexpected EOF"},
		{"source that ends while drawing again", bytes.NewReader(bytes.Repeat([]byte{255}, 12)), 12, "generate password: EOF"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, err := secret.GeneratePassword(c.random, c.length)
			if err == nil || err.Error() != c.want {
				t.Errorf("got error %v, want %s", err, c.want)
			}
			if !v.IsZero() {
				t.Error("a password came with the error")
			}
		})
	}
	if _, err := secret.GeneratePassword(iotest.ErrReader(broken), 12); !errors.Is(err, broken) {
		t.Errorf("the cause is lost: %v", err)
	}
}
