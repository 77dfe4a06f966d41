package secret_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// vector is the verifier that belongs to the exchange of RFC 7677, section 3
// (password "pencil", 4096 iterations).
const vector = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="

func TestVerifierVector(t *testing.T) {
	salt, err := base64.StdEncoding.DecodeString("W22ZaJ0SNY7soEsUEjb6gQ==")
	if err != nil {
		t.Fatal(err)
	}
	v, err := secret.Verifier(bytes.NewReader(salt), secret.NewValue([]byte("pencil")))
	if err != nil {
		t.Fatal(err)
	}
	if v.Reveal() != vector {
		t.Errorf("got  %s\nwant %s", v.Reveal(), vector)
	}
}

func TestVerifierIsSalted(t *testing.T) {
	password := secret.NewValue([]byte("pencil"))
	first, err := secret.Verifier(rand.Reader, password)
	if err != nil {
		t.Fatal(err)
	}
	second, err := secret.Verifier(rand.Reader, password)
	if err != nil {
		t.Fatal(err)
	}
	if first.Reveal() == second.Reveal() {
		t.Error("two verifiers of a password are equal")
	}
	for _, v := range []secret.Value{first, second} {
		if !secret.IsVerifier(v) {
			t.Errorf("IsVerifier refuses %s", v.Reveal())
		}
	}
}

func TestVerifierTakesPrintableASCII(t *testing.T) {
	var all []byte
	for b := byte(0x20); b < 0x7f; b++ {
		all = append(all, b)
	}
	v, err := secret.Verifier(rand.Reader, secret.NewValue(all))
	if err != nil || !secret.IsVerifier(v) {
		t.Errorf("got %v", err)
	}
}

func TestVerifierRefuses(t *testing.T) {
	for _, password := range []string{"pässword", "tab\tinside", "new\nline", "nul\x00byte", "del\x7f", "\xff\xfe", "soft\u00adhyphen", "emoji🔑"} {
		v, err := secret.Verifier(rand.Reader, secret.NewValue([]byte(password)))
		if !errors.Is(err, secret.ErrNotASCII) || !v.IsZero() {
			t.Errorf("%q: got %v", password, err)
		}
		if err != nil && strings.Contains(err.Error(), password) {
			t.Errorf("the error shows the password: %v", err)
		}
	}
	for _, empty := range []secret.Value{{}, secret.NewValue(nil)} {
		if _, err := secret.Verifier(rand.Reader, empty); err == nil || err.Error() != "compute verifier: the password is empty" {
			t.Errorf("empty: got %v", err)
		}
	}
	broken := errors.New("no entropy")
	if _, err := secret.Verifier(iotest.ErrReader(broken), secret.NewValue([]byte("pencil"))); !errors.Is(err, broken) {
		t.Errorf("failing source: got %v", err)
	}
	if _, err := secret.Verifier(strings.NewReader("too short"), secret.NewValue([]byte("pencil"))); err == nil {
		t.Error("a salt of 9 bytes was taken")
	}
}

func TestIsVerifier(t *testing.T) {
	const salt, stored, server = "W22ZaJ0SNY7soEsUEjb6gQ==", "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=", "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
	of := func(iterations, salt, stored, server string) string {
		return "SCRAM-SHA-256$" + iterations + ":" + salt + "$" + stored + ":" + server
	}
	for _, c := range []struct {
		name, text string
		want       bool
	}{
		{"the vector", vector, true},
		{"other iterations", of("600000", salt, stored, server), true},
		{"a longer salt", of("4096", base64.StdEncoding.EncodeToString(make([]byte, 32)), stored, server), true},
		{"empty", "", false},
		{"a password", "correct horse battery staple", false},
		{"MD5", "md5a5c3e1cb0e4f3d0f4e5b2e1f0c9d8b7a", false},
		{"another mechanism", strings.Replace(vector, "SHA-256", "SHA-512", 1), false},
		{"lower case", strings.ToLower(vector), false},
		{"space before", " " + vector, false},
		{"line break after", vector + "\n", false},
		{"line break inside", strings.Replace(vector, "$WG", "$\nWG", 1), false},
		{"quote after", vector + "'", false},
		{"quote in the salt", of("4096", "W22ZaJ0SNY7s'EsUEjb6gQ==", stored, server), false},
		{"two of them", vector + vector, false},
		{"no iterations", of("", salt, stored, server), false},
		{"zero iterations", of("0000", salt, stored, server), false},
		{"negative iterations", of("-4096", salt, stored, server), false},
		{"few iterations", of("1", salt, stored, server), false},
		{"iterations beyond all measure", of("99999999999", salt, stored, server), false},
		{"Arabic digits", of("٤٠٩٦", salt, stored, server), false},
		{"no salt", of("4096", "", stored, server), false},
		{"salt that is not base64", of("4096", "W22ZaJ0SNY7soEsUEjb6gQ=", stored, server), false},
		{"salt of 25 characters", of("4096", "W22ZaJ0SNY7soEsUEjb6gQabc", stored, server), false},
		{"padding inside the salt", of("4096", "W22Z==ZaJ0SNY7soEsUEjb6gQ==", stored, server), false},
		{"short StoredKey", of("4096", salt, stored[4:], server), false},
		{"long StoredKey", of("4096", salt, "AAAA"+stored, server), false},
		{"StoredKey of 31 bytes", of("4096", salt, base64.StdEncoding.EncodeToString(make([]byte, 31)), server), false},
		{"no StoredKey", of("4096", salt, "", server), false},
		{"short ServerKey", of("4096", salt, stored, server[4:]), false},
		{"ServerKey without padding", of("4096", salt, stored, strings.TrimRight(server, "=")), false},
		{"no ServerKey", "SCRAM-SHA-256$4096:" + salt + "$" + stored, false},
		{"URL base64", of("4096", salt, strings.Replace(stored, "W", "_", 1), server), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := secret.IsVerifier(secret.NewValue([]byte(c.text))); got != c.want {
				t.Errorf("IsVerifier(%q) = %v", c.text, got)
			}
		})
	}
}
