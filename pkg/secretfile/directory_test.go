package secretfile_test

import (
	"strings"
	"testing"

	"github.com/dbtether/kubectl-dbtether/pkg/secret"
	"github.com/dbtether/kubectl-dbtether/pkg/secretfile"
)

func TestFromDirectory(t *testing.T) {
	files := map[string][]byte{"tls.crt": []byte("x\r\n"), "key": {0, 255}, "..data": []byte("link"), "..2026_01_02": nil, ".hidden": []byte("h"), "empty": {}}
	item, warnings, err := secretfile.FromDirectory("orders", files)
	if err != nil || strings.Join(warnings, "") != `hidden file ".hidden" is left out` {
		t.Fatal(warnings, err)
	}
	if want := (secret.Data{"tls.crt": []byte("x\r\n"), "key": {0, 255}, "empty": {}}); !item.Data.Equal(want) || item.Name != "orders" {
		t.Errorf("got %+v", item)
	}
	files["key"][0] = 1
	if item.Data["key"][0] != 0 {
		t.Error("the item holds the caller's bytes")
	}
	for _, c := range []struct {
		name  string
		files map[string][]byte
		want  string
	}{
		{"orders", map[string][]byte{"a b": nil}, `read directory: "a b" cannot be a key`},
		{"Orders", map[string][]byte{"a": nil}, `read directory: "Orders" cannot be the name of a secret`},
		{"orders", map[string][]byte{"a": make([]byte, 1<<20+1)}, `read directory: secret "orders" would hold 1048577 bytes; the API server takes 1048576`},
	} {
		if _, _, err := secretfile.FromDirectory(c.name, c.files); err == nil || err.Error() != c.want {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
}

func TestDetect(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       secretfile.Format
	}{
		{".env", "anything", secretfile.Env},
		{"C:\\app\\.env.production", "A=1", secretfile.Env},
		{"prod.env", "{", secretfile.Env},
		{".env.json", `{"A":"b"}`, secretfile.JSON},
		{"a.json", "broken", secretfile.JSON},
		{"a.yml", "A: b", secretfile.YAML},
		{"a.yaml", "kind: of\nA: b", secretfile.YAML},
		{"a.yaml", "metadata: {}\nkind: Secret\napiVersion: v1\n", secretfile.Kubernetes},
		{"export.1pux", "", secretfile.OnePassword},
		{"", "export A=1\n", secretfile.Env},
		{"settings.txt", "# comment\nA='x\ny'\n", secretfile.Env},
		{"", "just words", ""},
		{"", "", ""},
	} {
		if got, err := secretfile.Detect(c.name, []byte(c.text)); got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%q %q: got %q, %v", c.name, c.text, got, err)
		}
	}
}

// TestNames checks what becomes of titles and labels, by what is read of an item.
func TestNames(t *testing.T) {
	for _, c := range []struct{ title, label, name, key string }{
		{"Orders DB", "API token", "orders-db", "API_token"},
		{"prod/Orders_DB-", "(token)", "prod-orders-db", "token"},
		{"a..b.-c", "_x y", "a.b.c", "_x_y"},
		{"É x", "..a b", "x", "a_b"},
		{"fine", "fine.key-1", "fine", "fine.key-1"},
	} {
		text := `{"title":"` + c.title + `","fields":[{"label":"` + c.label + `","value":"v"}]}`
		items, _, err := secretfile.Read(secretfile.OnePassword, "", []byte(text))
		if err != nil {
			t.Error(err)
			continue
		}
		if items[0].Name != c.name || string(items[0].Data[c.key]) != "v" {
			t.Errorf("%q, %q: got %+v", c.title, c.label, items[0])
		}
	}
}
