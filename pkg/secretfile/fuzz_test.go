package secretfile_test

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/joho/godotenv"

	"github.com/dbtether/kubectl-dbtether/pkg/secret"
	"github.com/dbtether/kubectl-dbtether/pkg/secretfile"
)

// odd are values that readers of files like to change.
func odd() []string {
	return []string{"", " ", "x", "'", `"`, `\`, `'"`, `"'`, `\"`, `\'`, `a\`, `'a\`, `a"`, `"a"`, `'a'`, `a'"`, `\\"`, "$A", `\$A`, `\\$A`, "${A}", "$(A)", "$2a$10$x", "a #b", "#", "\n", "\r", "\r\n", "a\r", "\ta\t",
		"yes", "No", "null", "~", "1e3", "1_000", "0x1f", "1:30", ".inf", "=", "<<", "!x", "&x", "*x", "%x", "@x", "`x", "a: b", "- a", "[", "{}", "2026-01-02", "\u0085", "\u00a0", "\ufeff", "\u2028", "\ufffd", "\uffff", "\U0001f600", "\U0010ffff", "\x00", "\x7f", "\x80", "\xff", "\xed\xa0\x80",
		"-----BEGIN-----\nA=b\n-----END-----\n", "A='b'\nC=\"d\"", "it's \"so\"\n\\", "\\ud800", "export A=1"}
}

// FuzzEnv checks that .env files bring back what was written, without a warning.
func FuzzEnv(f *testing.F) { thereAndBack(f, secretfile.Env, read(secretfile.Env)) }

// FuzzJSON checks the same of JSON.
func FuzzJSON(f *testing.F) { thereAndBack(f, secretfile.JSON, read(secretfile.JSON)) }

// FuzzYAML checks the same of YAML, as it is read here and as kubectl reads it.
func FuzzYAML(f *testing.F) {
	thereAndBack(f, secretfile.YAML, func(t *testing.T, file []byte) secretfile.Item {
		item := read(secretfile.YAML)(t, file)
		if other := readYAML11(t, file); !other.Equal(item.Data) {
			t.Errorf("by YAML 1.1 it is %q, and %q here", other, item.Data)
		}
		return item
	})
}

// FuzzShell checks what is exported by the rules of POSIX.
func FuzzShell(f *testing.F) {
	thereAndBack(f, secretfile.Shell, func(t *testing.T, file []byte) secretfile.Item {
		return secretfile.Item{Name: "orders", Data: readShell(t, string(file))}
	})
}

// FuzzDocker checks it by the rules of docker.
func FuzzDocker(f *testing.F) {
	thereAndBack(f, secretfile.Docker, func(t *testing.T, file []byte) secretfile.Item {
		return secretfile.Item{Name: "orders", Data: readDocker(t, file)}
	})
}

func read(format secretfile.Format) func(t *testing.T, file []byte) secretfile.Item {
	return func(t *testing.T, file []byte) secretfile.Item {
		items, warnings, err := secretfile.Read(format, "orders", file)
		if err != nil || len(items) != 1 || len(warnings) != 0 {
			t.Fatalf("%d items, %q, %v\n%s", len(items), warnings, err, file)
		}
		return items[0]
	}
}

// thereAndBack checks that any two keys come back as they were, or are refused by name.
func thereAndBack(f *testing.F, format secretfile.Format, back func(*testing.T, []byte) secretfile.Item) {
	for i, value := range odd() {
		f.Add("KEY", value, "key-"+fmt.Sprint(i), odd()[len(odd())-1-i])
		f.Add("A", value, "b.c", value+value)
		f.Add(value, "on", "null", value+"x"+value)
	}
	f.Fuzz(func(t *testing.T, key, value, second, another string) {
		data := secret.Data{key: []byte(value), second: []byte(another)}
		file, err := secretfile.Write(format, one(data))
		if err != nil {
			checkNamed(t, err, data)
			return
		}
		if again, err := secretfile.Write(format, one(data)); err != nil || !bytes.Equal(file, again) {
			t.Error("written again, it is another file")
		}
		if got := back(t, file); !got.Data.Equal(data) || got.Name != "orders" {
			t.Errorf("%q came back as %q from\n%s", data, got.Data, file)
		}
	})
}

// checkNamed checks that each error is about a key, and does not hold its value.
func checkNamed(t *testing.T, err error, data secret.Data) {
	t.Helper()
	for _, each := range err.(interface{ Unwrap() []error }).Unwrap() {
		var cannot *secretfile.CannotCarryError
		var name *secretfile.NameError
		var key string
		switch {
		case errors.As(each, &cannot):
			key = cannot.Key
		case errors.As(each, &name):
			key = name.Name
		default:
			t.Errorf("%v", each)
		}
		value, there := data[key]
		if !there {
			t.Errorf("no key %q: %v", key, each)
		}
		said := strings.Replace(each.Error(), strconv.Quote(key), "", 1)
		if text := string(value); len(text) > 8 && strings.Contains(said, text) {
			t.Errorf("it tells the value: %v", each)
		}
	}
}

// readShell reads exports of POSIX sh with quotes and backslashes, and nothing else.
func readShell(t *testing.T, script string) secret.Data {
	t.Helper()
	data := secret.Data{}
	for script != "" {
		rest, ok := strings.CutPrefix(script, "export ")
		key, rest, found := strings.Cut(rest, "=")
		if !ok || !found {
			t.Fatalf("no export: %q", script)
		}
		var value []byte
		for rest != "" && rest[0] != '\n' {
			switch {
			case rest[0] == '\'':
				text, after, closed := strings.Cut(rest[1:], "'")
				if !closed {
					t.Fatalf("an open quote: %q", script)
				}
				value, rest = append(value, text...), after
			case rest[0] == '\\' && len(rest) > 1 && rest[1] != '\n':
				value, rest = append(value, rest[1]), rest[2:]
			default:
				t.Fatalf("outside of quotes: %q", rest)
			}
		}
		data[key] = value
		script = strings.TrimPrefix(rest, "\n")
	}
	return data
}

// FuzzKubernetes checks that manifests bring back everything that travels.
func FuzzKubernetes(f *testing.F) {
	for _, value := range odd() {
		f.Add("orders", "shop", "Opaque", "app", value, "KEY", []byte(value))
		f.Add("1e3", "", value, value, "on", "null", []byte("\x9e\xe9\x65"))
		f.Add(value, value, "", "", "", value, []byte{})
		f.Add("orders", "8\xd1", "\x80", "#", "on", "null", []byte(value))
	}
	f.Fuzz(func(t *testing.T, name, namespace, secretType, label, labelled, key string, value []byte) {
		for _, text := range []string{namespace, secretType, label, labelled} {
			if !utf8.ValidString(text) || len(text) > 400 || strings.HasPrefix(text, "dbtether.io/") {
				t.Skip() // not in a Secret, or not in a file
			}
		}
		item := secretfile.Item{Name: name, Namespace: namespace, Type: secretType, Labels: map[string]string{label: labelled}, Data: secret.Data{key: value}}
		file, err := secretfile.Write(secretfile.Kubernetes, []secretfile.Item{item, {Name: "other"}})
		if err != nil {
			return
		}
		items, warnings, err := secretfile.Read(secretfile.Kubernetes, "", file)
		if err != nil {
			t.Fatalf("%v\n%s", err, file)
		}
		got := items[0]
		if len(items) != 2 || len(warnings) != 1 || got.Name != name || got.Namespace != namespace || got.Type != secretType || got.Labels[label] != labelled || !got.Data.Equal(item.Data) {
			t.Errorf("%+v came back as %+v, %q from\n%s", item, items, warnings, file)
		}
	})
}

// FuzzRead checks that no file makes any reader fail in another way than by an error,
// and that of a .env file it reads what the library does.
func FuzzRead(f *testing.F) {
	formats := secretfile.ReadFormats()
	for _, s := range samples(f) {
		for i := range formats {
			f.Add(uint8(i), s.text)
		}
	}
	f.Add(uint8(0), []byte("\ufeffA=1\r\n# B=\"x\r\nB=\"two\r\r\nlines\"\r"))
	for i := range formats {
		for _, value := range odd() {
			f.Add(uint8(i), []byte("KEY="+value+"\nB: "+value+"\n"))
			f.Add(uint8(i), []byte(`{"title":"`+value+`","data":{"data":{}},"fields":[{"value":1}],"computed":{}}`))
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, text []byte) {
		format := formats[int(which)%len(formats)]
		if _, err := secretfile.Detect("", text); err != nil && err.Error() != "read file: its format is not clear" {
			t.Error(err)
		}
		items, warnings, err := secretfile.Read(format, "orders", text)
		if err != nil && (items != nil || warnings != nil) {
			t.Error("an error, and yet items or warnings")
		}
		if err == nil && len(items) == 0 {
			t.Error("no error, and yet no items")
		}
		if format == secretfile.Env {
			checkEnv(t, text, items, err)
		}
	})
}

// checkEnv holds what was read, or not, against the library.
func checkEnv(t *testing.T, text []byte, items []secretfile.Item, err error) {
	t.Helper()
	want, failed := godotenv.UnmarshalBytes(bytes.TrimPrefix(text, []byte("\ufeff")))
	switch {
	case err == nil && failed != nil:
		t.Errorf("the library does not read it: %v", failed)
	case err == nil:
		data := secret.Data{}
		for key, value := range want {
			data[key] = []byte(value)
		}
		if !items[0].Data.Equal(data) {
			t.Errorf("got %q, the library says %q", items[0].Data, data)
		}
	case strings.Contains(err.Error(), "not found again") || strings.Contains(err.Error(), "with certainty"):
		t.Errorf("the library sees other statements: %v", err)
	case failed == nil && strings.Contains(err.Error(), "it is not a .env file"):
		t.Errorf("the library reads it: %v", err)
	}
}
