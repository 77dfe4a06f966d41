package secret_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	mathrand "math/rand/v2"
	"regexp"
	"testing"
	"testing/iotest"

	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

func TestGenerate(t *testing.T) {
	for _, c := range []struct {
		rule    secret.Rule
		pattern string
	}{
		{secret.Rule{}, `^[A-Za-z0-9]{32}$`},
		{secret.Rule{Generator: secret.Alnum, Length: 12}, `^[A-Za-z0-9]{12}$`},
		{secret.Rule{Generator: secret.Alnum, Length: 1024}, `^[A-Za-z0-9]+$`},
		{secret.Rule{Generator: secret.Digits}, `^[0-9]{32}$`},
		{secret.Rule{Generator: secret.Digits, Length: 4}, `^[0-9]{4}$`},
		{secret.Rule{Generator: secret.Hex}, `^[0-9a-f]{64}$`},
		{secret.Rule{Generator: secret.Hex, Length: 8}, `^[0-9a-f]{16}$`},
		{secret.Rule{Generator: secret.Base64}, `^[A-Za-z0-9+/]{43}=$`},
		{secret.Rule{Generator: secret.Base64URL}, `^[A-Za-z0-9_-]{43}$`},
		{secret.Rule{Generator: secret.Base64URL, Length: 64}, `^[A-Za-z0-9_-]{86}$`},
		{secret.Rule{Generator: secret.UUID}, `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`},
	} {
		seen := map[string]bool{}
		for range 8 {
			v, err := c.rule.Generate(rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			if got := v.Reveal(); !regexp.MustCompile(c.pattern).MatchString(got) || seen[got] && c.rule.Length != 4 {
				t.Errorf("%s %d: got %q, want %s", c.rule.Generator, c.rule.Length, got, c.pattern)
			}
			seen[v.Reveal()] = true
		}
	}
}

// TestGenerateEncodes feeds known bytes: what is encoded is those and all of them.
func TestGenerateEncodes(t *testing.T) {
	source := make([]byte, 32)
	for i := range source {
		source[i] = byte(0xf8 + i*7)
	}
	for _, c := range []struct {
		generator secret.Generator
		want      string
	}{
		{secret.Hex, hex.EncodeToString(source)},
		{secret.Base64, base64.StdEncoding.EncodeToString(source)},
		{secret.Base64URL, base64.RawURLEncoding.EncodeToString(source)},
		{secret.UUID, "f8ff060d-141b-4229-b037-3e454c535a61"},
	} {
		v, err := secret.Rule{Generator: c.generator}.Generate(bytes.NewReader(source))
		if err != nil || v.Reveal() != c.want {
			t.Errorf("%s: got %q, %v, want %q", c.generator, v.Reveal(), err, c.want)
		}
	}
}

// TestDigitsAreEven is TestGeneratePasswordIsEven for ten characters: chi-squared with 9
// degrees of freedom exceeds 38 once in 50,000 seeds, and a plain remainder gives 150.
func TestDigitsAreEven(t *testing.T) {
	counts, n := map[rune]int{}, 0
	source := mathrand.NewChaCha8([32]byte{2})
	for range 200 {
		v, err := secret.Rule{Generator: secret.Digits, Length: 1000}.Generate(source)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range v.Reveal() {
			counts[r]++
			n++
		}
	}
	each, chi := float64(n)/10, 0.0
	for _, count := range counts {
		chi += (float64(count) - each) * (float64(count) - each) / each
	}
	if len(counts) != 10 || chi > 38 {
		t.Errorf("chi-squared is %.0f: %v", chi, counts)
	}
}

func TestGenerateRefuses(t *testing.T) {
	broken := errors.New("no entropy")
	for _, c := range []struct {
		rule secret.Rule
		want string
	}{
		{secret.Rule{Generator: "words"}, `generate a value: there is no generator "words": it is one of alnum, hex, base64, base64url, digits, uuid`},
		{secret.Rule{Length: 11}, "generate a value: the length of alnum is between 12 and 1024 characters, not 11"},
		{secret.Rule{Length: -1}, "generate a value: the length of alnum is between 12 and 1024 characters, not -1"},
		{secret.Rule{Generator: secret.Hex, Length: 7}, "generate a value: the length of hex is between 8 and 1024 random bytes, not 7"},
		{secret.Rule{Generator: secret.Base64, Length: 1025}, "generate a value: the length of base64 is between 8 and 1024 random bytes, not 1025"},
		{secret.Rule{Generator: secret.Digits, Length: 3}, "generate a value: the length of digits is between 4 and 1024 characters, not 3"},
		{secret.Rule{Generator: secret.UUID, Length: 16}, "generate a value: a uuid has no length"},
	} {
		if v, err := c.rule.Generate(rand.Reader); err == nil || err.Error() != c.want || !v.IsZero() {
			t.Errorf("%+v: %v", c.rule, err)
		}
	}
	for _, g := range secret.Generators() {
		if v, err := (secret.Rule{Generator: g}).Generate(iotest.ErrReader(broken)); !errors.Is(err, broken) || !v.IsZero() {
			t.Errorf("%s of a failing source: %v", g, err)
		}
	}
}
