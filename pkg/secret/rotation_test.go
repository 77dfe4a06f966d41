package secret_test

import (
	"strings"
	"testing"

	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

func TestParseRotation(t *testing.T) {
	for _, text := range []string{
		`{"days":30,"keys":{"API_KEY":{"generator":"alnum","length":32}}}`,
		`{"days":1,"keys":{"A":{"generator":"uuid"},"b.c":{"generator":"hex","length":8}}}`,
		`{"by":{"x":[1]},"days":3650,"keys":{"A":{"generator":"digits","length":6,"prefix":"sk_"}}}`, // of a newer version
	} {
		r, err := secret.ParseRotation(text)
		if err != nil || r.String() != text {
			t.Errorf("%s became %s, %v", text, r, err)
		}
	}
	r, err := secret.ParseRotation(` {"keys": {"A": {}}, "days": 2} `)
	if err != nil || r.Days != 2 || r.Interval().Hours() != 48 || r.String() != `{"days":2,"keys":{"A":{"generator":"alnum"}}}` {
		t.Errorf("got %s, %v", r, err)
	}
}

func TestParseRotationRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                              "it is no JSON object",
		"30d":                           "it is no JSON object",
		"[]":                            "it is no JSON object",
		`{"days":30}x`:                  "it is no JSON object",
		"null":                          "days is between 1 and 3650, not 0",
		`{"days":30}`:                   "keys names no key",
		`{"keys":{"A":{}}}`:             "days is between 1 and 3650, not 0",
		`{"Days":3,"keys":{"A":{}}}`:    "days is between 1 and 3650, not 0",
		`{"days":3651,"keys":{"A":{}}}`: "days is between 1 and 3650, not 3651",
		`{"days":"30","keys":{"A":{}}}`: `days cannot be "30"`,
		`{"days":1.5,"keys":{"A":{}}}`:  `days cannot be 1.5`,
		`{"days":null,"keys":{"A":{}}}`: `days cannot be null`,
		`{"days":1,"keys":["A"]}`:       `keys cannot be ["A"]`,
		`{"days":1,"keys":{"A":null}}`:  `key "A": its rule is no JSON object`,
		`{"days":1,"keys":{"A":{"generator":"words"}}}`:   `key "A": there is no generator "words"`,
		`{"days":1,"keys":{"A":{"length":"long"}}}`:       `key "A": length cannot be "long"`,
		`{"days":1,"keys":{"A":{"length":3}}}`:            `key "A": the length of alnum is between 12 and 1024 characters, not 3`,
		`{"days":1,"keys":{"../A":{"generator":"uuid"}}}`: `"../A" is no key of a Secret`,
	} {
		if r, err := secret.ParseRotation(text); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, %v", text, r, err)
		}
	}
}

// TestRotationIsRewritten checks that what this version does not know survives, and that
// the rules which others hold stay as they are.
func TestRotationIsRewritten(t *testing.T) {
	before := `{"by":"x","days":30,"keys":{"A":{"generator":"alnum","prefix":"sk_"},"B":{"generator":"hex"}}}`
	r, err := secret.ParseRotation(before)
	if err != nil {
		t.Fatal(err)
	}
	with := r.With(7, map[string]secret.Rule{"A": {Generator: secret.Digits, Length: 6}, "C": {}})
	if want := `{"by":"x","days":7,"keys":{"A":{"generator":"digits","length":6,"prefix":"sk_"},"B":{"generator":"hex"},"C":{"generator":"alnum"}}}`; with.String() != want {
		t.Errorf("with more it is %s", with)
	}
	if want := `{"by":"x","days":30,"keys":{"B":{"generator":"hex"}}}`; r.Without("A", "Z").String() != want {
		t.Errorf("with less it is %s", r.Without("A", "Z"))
	}
	if r.String() != before {
		t.Errorf("it was changed: %s", r)
	}
	if got := (secret.Rotation{}).With(1, map[string]secret.Rule{"A": {}}).String(); got != `{"days":1,"keys":{"A":{"generator":"alnum"}}}` {
		t.Errorf("the first is %s", got)
	}
}
