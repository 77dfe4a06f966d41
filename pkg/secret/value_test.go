package secret_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"text/template"

	"sigs.k8s.io/yaml"

	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

const plain = "s3cr3t-Passw0rd"

// exported, unexported and embedded hold a Value in each way that a struct can.
type exported struct{ Password secret.Value }

type unexported struct{ password secret.Value }

type embedded struct{ secret.Value }

type nested struct {
	inner unexported
	list  []secret.Value
	table map[string]secret.Value
	any   any
	ref   *secret.Value
}

// holders returns values that hold the secret, by how they do.
func holders() map[string]any {
	v := secret.NewValue([]byte(plain))
	deep := nested{inner: unexported{v}, list: []secret.Value{v}, table: map[string]secret.Value{"k": v}, any: v, ref: &v}
	return map[string]any{
		"value": v, "pointer": &v, "exported": exported{v}, "pointer to exported": &exported{v},
		"unexported": unexported{v}, "pointer to unexported": &unexported{v}, "embedded": embedded{v},
		"nested": deep, "pointer to nested": &deep, "slice": []secret.Value{v}, "array": [1]secret.Value{v},
		"map": map[string]secret.Value{"k": v}, "interfaces": []any{v, &v, exported{v}, unexported{v}},
	}
}

// traces are the forms in which the secret would show.
func traces() []string {
	b := []byte(plain)
	decimals := strings.Trim(fmt.Sprintf("%d", b[:4]), "[]")
	return []string{plain, hex.EncodeToString(b), strings.ToUpper(hex.EncodeToString(b)), base64.StdEncoding.EncodeToString(b),
		base64.RawURLEncoding.EncodeToString(b), decimals, strings.ReplaceAll(decimals, " ", ","), fmt.Sprintf("%o", b[:4]),
		"0x73, 0x33, 0x63", "0x73 0x33 0x63", "73 33 63", fmt.Sprintf("%b", b[:4]), fmt.Sprintf("%U", b[:4])}
}

func checkHidden(t *testing.T, how, output string) {
	t.Helper()
	for _, trace := range traces() {
		if strings.Contains(output, strings.Trim(trace, "[]")) {
			t.Errorf("%s shows the secret: %s", how, output)
			return
		}
	}
}

// TestValueFormatting prints every holder with every verb and flag, right or wrong.
func TestValueFormatting(t *testing.T) {
	for name, holder := range holders() {
		for verb := rune('A'); verb <= 'z'; verb++ {
			for _, flags := range []string{"", "+", "#", " ", "0", "-", "+#", "# ", "20", ".3", "#20.3"} {
				format := "%" + flags + string(verb)
				checkHidden(t, name+" with "+format, fmt.Sprintf(format, holder))
			}
		}
		checkHidden(t, name+" with Sprint", fmt.Sprint(holder))
		none, width := strings.ToLower("NONE"), "%*d" // mistakes that must not leak, hidden from vet
		checkHidden(t, name+" as a surplus argument", fmt.Sprintf(none, holder))
		checkHidden(t, name+" as a width", fmt.Sprintf(width, holder, 1))
		checkHidden(t, name+" in an error", fmt.Errorf("log in with %v: %w", holder, errors.New("refused")).Error())
	}
}

func TestValueReadsRedacted(t *testing.T) {
	v := secret.NewValue([]byte(plain))
	for _, got := range []string{v.String(), fmt.Sprint(v), fmt.Sprintf("%s", v), fmt.Sprintf("%q", v), fmt.Sprintf("%x", v), fmt.Sprintf("%#v", v), fmt.Sprintf("%d", v)} {
		if got != "[redacted]" {
			t.Errorf("got %s", got)
		}
	}
	if v.Reveal() != plain {
		t.Errorf("Reveal gives %q", v.Reveal())
	}
}

func TestValueEncoding(t *testing.T) {
	for name, holder := range holders() {
		text, err := json.Marshal(holder)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		checkHidden(t, name+" as JSON", string(text))
		text, err = yaml.Marshal(holder)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		checkHidden(t, name+" as YAML", string(text))
		var out strings.Builder
		if err := template.Must(template.New("").Parse("{{.}}")).Execute(&out, holder); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		checkHidden(t, name+" in a template", out.String())
	}
	v := secret.NewValue([]byte(plain))
	text, err := xml.Marshal(exported{v})
	if err != nil {
		t.Fatal(err)
	}
	checkHidden(t, "XML", string(text))
	text, err = json.Marshal(exported{v})
	if err != nil || string(text) != `{"Password":"[redacted]"}` {
		t.Errorf("JSON: got %s, %v", text, err)
	}
	text, err = yaml.Marshal(exported{v})
	if err != nil || string(text) != "Password: '[redacted]'\n" {
		t.Errorf("YAML: got %s, %v", text, err)
	}
}

func TestValueLogging(t *testing.T) {
	for name, holder := range holders() {
		var out bytes.Buffer
		for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
			log := slog.New(handler).With("with", holder)
			log.Info("login", "holder", holder, slog.Group("group", "holder", holder))
		}
		checkHidden(t, name+" in a log", out.String())
	}
	var out bytes.Buffer
	slog.New(slog.NewTextHandler(&out, nil)).Info("login", "password", secret.NewValue([]byte(plain)))
	if !strings.Contains(out.String(), "password=[redacted]") {
		t.Errorf("got %s", out.String())
	}
}

// TestValueIsACopy checks that neither the bytes given nor those returned reach in.
func TestValueIsACopy(t *testing.T) {
	b := []byte(plain)
	v := secret.NewValue(b)
	b[0] = 'X'
	if v.Reveal() != plain {
		t.Errorf("a change outside shows: %q", v.Reveal())
	}
}

func TestValueIsZero(t *testing.T) {
	for _, c := range []struct {
		value secret.Value
		want  bool
	}{
		{secret.Value{}, true}, {secret.NewValue(nil), true}, {secret.NewValue([]byte{}), true},
		{secret.NewValue([]byte(" ")), false}, {secret.NewValue([]byte{0}), false},
	} {
		if c.value.IsZero() != c.want {
			t.Errorf("IsZero of %q is %v", c.value.Reveal(), c.value.IsZero())
		}
	}
	if got := (secret.Value{}).Reveal(); got != "" {
		t.Errorf("the zero value reveals %q", got)
	}
}
