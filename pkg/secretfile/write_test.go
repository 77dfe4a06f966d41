package secretfile_test

import (
	"bufio"
	"bytes"
	"errors"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/dbtether/kubectl-dbtether/pkg/secret"
	"github.com/dbtether/kubectl-dbtether/pkg/secretfile"
)

// everyday has what people put into secrets, all of it text.
func everyday() secret.Data {
	return secret.Data{
		"DATABASE_URL": []byte("postgresql://shop:p%40ss@db:5432/shop?sslmode=require"),
		"EMPTY":        []byte(""),
		"HASH":         []byte("$2a$10$N9qo8uLOickgx2ZMRZoMye"),
		"PEM":          []byte("-----BEGIN KEY-----\nabc\n-----END KEY-----\n"),
		"QUOTE":        []byte(`it's "so" \n`),
		"SPACES":       []byte("  a # b  "),
		"WORD":         []byte("yes"),
		"WINDOWS":      []byte("one\r\ntwo"),
		"on":           []byte("1e3"),
		"SIGNS":        []byte("é🐘\u0085\ufeff\u2028\t"),
	}
}

func TestWrite(t *testing.T) {
	for _, c := range []struct {
		format secretfile.Format
		items  []secretfile.Item
	}{
		{secretfile.Env, one(everyday())},
		{secretfile.JSON, one(everyday())},
		{secretfile.YAML, one(everyday())},
		{secretfile.Shell, one(everyday())},
		{secretfile.Docker, one(without(everyday(), "PEM", "WINDOWS"))},
		{secretfile.Kubernetes, []secretfile.Item{
			{Name: "orders", Namespace: "shop", Type: "Opaque", Labels: map[string]string{"app.kubernetes.io/name": "on", "dbtether.io/managed": "true", "tier": ""}, Data: everyday()},
			{Name: "1e3", Data: secret.Data{"null": []byte("\x9e\xe9\x65"), "tls.crt": {0, 255}}},
			{Name: "empty", Type: "kubernetes.io/tls"},
		}},
	} {
		t.Run(string(c.format), func(t *testing.T) {
			file, err := secretfile.Write(c.format, c.items)
			if err != nil {
				t.Fatal(err)
			}
			compareGolden(t, filepath.Join("testdata", "write", string(c.format)+".golden"), string(file))
		})
	}
}

func one(data secret.Data) []secretfile.Item { return []secretfile.Item{{Name: "orders", Data: data}} }

func without(data secret.Data, keys ...string) secret.Data {
	for _, key := range keys {
		delete(data, key)
	}
	return data
}

// TestCannotCarry checks that all keys are named which a format cannot hold, and no
// value is.
func TestCannotCarry(t *testing.T) {
	data := secret.Data{
		"A-B":    []byte(hidden),
		"BINARY": []byte(hidden + "\xff"),
		"CR":     []byte(hidden + "\r"),
		"GOOD":   []byte("x"),
		"LINES":  []byte(hidden + "\n2"),
		"LONG":   []byte(strings.Repeat("x", 1<<16)),
		"NUL":    []byte(hidden + "\x00"),
		"QUOTES": []byte("'" + hidden + `\`),
	}
	for format, want := range map[secretfile.Format]string{
		secretfile.Env:    "A-B QUOTES",
		secretfile.JSON:   "BINARY",
		secretfile.YAML:   "BINARY",
		secretfile.Shell:  "A-B NUL",
		secretfile.Docker: "BINARY CR LINES LONG NUL",
	} {
		_, err := secretfile.Write(format, one(data))
		if err == nil {
			t.Errorf("%s: no error", format)
			continue
		}
		var keys []string
		for _, each := range err.(interface{ Unwrap() []error }).Unwrap() {
			var cannot *secretfile.CannotCarryError
			if !errors.As(each, &cannot) || cannot.Format != format || cannot.Why == "" {
				t.Errorf("%s: %v", format, each)
				continue
			}
			keys = append(keys, cannot.Key)
		}
		if got := strings.Join(keys, " "); got != want {
			t.Errorf("%s: got %s, want %s", format, got, want)
		}
		if strings.Contains(err.Error(), hidden) || hint(err) != "use --format kubernetes, which carries any bytes" {
			t.Errorf("%s: %v, %s", format, err, hint(err))
		}
	}
}

func TestNotWritten(t *testing.T) {
	good := one(everyday())
	for _, c := range []struct {
		format secretfile.Format
		items  []secretfile.Item
		want   string
	}{
		{secretfile.Env, append(good, good...), "write env: the file takes one secret, not 2; only kubernetes takes several"},
		{secretfile.Kubernetes, nil, "write kubernetes: the file takes one secret, not 0; only kubernetes takes several"},
		{secretfile.Kubernetes, append(good, good...), `write kubernetes: secret "orders" is given twice`},
		{secretfile.Kubernetes, []secretfile.Item{{Name: "A", Data: secret.Data{"a b": nil}}}, "write kubernetes: \"A\" cannot be the name of a secret\nwrite kubernetes: \"a b\" cannot be a key"},
		{secretfile.AWS, good, "write aws: the formats are env, json, yaml, shell, docker, kubernetes"},
	} {
		if _, err := secretfile.Write(c.format, c.items); err == nil || err.Error() != c.want {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
}

// TestShell lets sh read what was written for it.
func TestShell(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no sh")
	}
	all := make([]byte, 0, 255)
	for b := 1; b < 256; b++ {
		all = append(all, byte(b))
	}
	data := everyday()
	data["ALL"], data["ENDS"] = all, []byte("'x'\n\n")
	file, err := secretfile.Write(secretfile.Shell, one(data))
	if err != nil {
		t.Fatal(err)
	}
	script := string(file)
	keys := slices.Sorted(maps.Keys(data))
	for _, key := range keys {
		script += `printf '%s\0' "$` + key + "\"\n"
	}
	command := exec.Command(sh, "-eu")
	command.Stdin = strings.NewReader(script)
	out, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	values := bytes.Split(out, []byte{0})
	for i, key := range keys {
		if !bytes.Equal(values[i], data[key]) {
			t.Errorf("%s: got %q, want %q", key, values[i], data[key])
		}
	}
}

// readDocker reads a file as docker's --env-file does.
func readDocker(t *testing.T, file []byte) secret.Data {
	t.Helper()
	data := secret.Data{}
	scanner := bufio.NewScanner(bytes.NewReader(file))
	for scanner.Scan() {
		line := strings.TrimLeft(scanner.Text(), " \t")
		if line == "" || line[0] == '#' {
			continue
		}
		key, value, found := strings.Cut(line, "=")
		if !found {
			t.Fatalf("no value: %q", line)
		}
		data[key] = []byte(value)
	}
	if err := scanner.Err(); err != nil {
		t.Fatal(err)
	}
	return data
}

// TestDockerLine checks the longest line that docker reads.
func TestDockerLine(t *testing.T) {
	for length := bufio.MaxScanTokenSize - 8; length < bufio.MaxScanTokenSize+2; length++ {
		data := secret.Data{"KEY": bytes.Repeat([]byte("x"), length)}
		if file, err := secretfile.Write(secretfile.Docker, one(data)); err == nil && !readDocker(t, file).Equal(data) {
			t.Errorf("%d bytes do not arrive", length)
		}
	}
}

// readYAML11 reads a flat mapping as kubectl does, by YAML 1.1.
func readYAML11(t *testing.T, file []byte) secret.Data {
	t.Helper()
	var values map[string]string
	if err := yaml.UnmarshalStrict(file, &values); err != nil {
		t.Fatalf("%v\n%s", err, file)
	}
	data := secret.Data{}
	for key, value := range values {
		data[key] = []byte(value)
	}
	return data
}
