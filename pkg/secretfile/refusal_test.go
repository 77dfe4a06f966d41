package secretfile_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/dbtether/kubectl-dbtether/pkg/secretfile"
)

// hidden stands in the values of the tests of what is refused.
const hidden = "hunter2"

// TestRefusals compares what is said of files that cannot be taken as they are. None of
// it may hold a part of a value.
func TestRefusals(t *testing.T) {
	const secretHead = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n"
	for _, c := range []struct {
		format secretfile.Format
		text   string
		want   string
	}{
		{secretfile.Env, "A=1\nB=hunter2\nA=2", `read env: key "A": it stands twice, in lines 1 and 3`},
		{secretfile.Env, "A=\"x\nB=hunter2\ny\"\nB=1\nC='\nB=1'", ``},
		{secretfile.Env, "A=1\nB=\"hunter2\nC=3\n", `read env: line 2: the quote that begins here is not closed`},
		{secretfile.Env, `A='hunter2\'`, `read env: line 1: the quote that begins here is not closed`},
		{secretfile.Env, `A="hunter2\""`, `read env: key "A": its last quote in line 1 would be lost, because another follows`},
		{secretfile.Env, "A='it's hunter2'", `read env: line 1: it is no KEY=value: a key has only letters, digits, _ and .`},
		{secretfile.Env, "A=1\nhunter2", `read env: line 2: it is no KEY=value`},
		{secretfile.Env, "hunter2\nA=1", `read env: line 1: it is no KEY=value`},
		{secretfile.Env, "=hunter2", `read env: line 1: it has no key`},
		{secretfile.Env, "A-B=hunter2", `read env: line 1: it is no KEY=value: a key has only letters, digits, _ and .`},
		{secretfile.Env, "export ", `read env: line 1: it is no KEY=value`},
		{secretfile.Env, "A B=hunter2\n..=x", "read env: \"..\" cannot be a key\nread env: \"A B\" cannot be a key"},
		{secretfile.Env, "A=x${NOPE}hunter2\nB=$A", `read env: key "A": the variable NOPE is not defined before it in the file, and would become nothing`},
		{secretfile.Env, "A=xhunter2$2A\n", `read env: key "A": a $ in line 1 begins a variable that is not defined before it in the file, and would become nothing`},
		{secretfile.Env, "A=$B\nB=hunter2\nC=\"$(D)\"\nE=$E", "read env: key \"A\": a $ in line 1 begins a variable that is not defined before it in the file, and would become nothing\n" +
			"read env: key \"C\": a $ in line 3 begins a variable that is not defined before it in the file, and would become nothing\n" +
			"read env: key \"E\": a $ in line 4 begins a variable that is not defined before it in the file, and would become nothing"},
		{secretfile.Env, "A='$B'\nB=\\$C\nD=\"\\$E\"\nF=$lower\nG=1$ 2\nH=a # $B", ``},
		{secretfile.Env, "\xff\xfeA\x00", `read env: it is UTF-16`},

		{secretfile.JSON, "", `read json: it is empty`},
		{secretfile.JSON, `{"A":"hunter2"`, `read json: it ends in the middle`},
		{secretfile.JSON, "{\"A\":\"x\",\n\"B\":hunter2}", `read json: line 2: it is not JSON from here on`},
		{secretfile.JSON, `{"A":"hunter2","A":"b"}`, `read json: key "A": it stands twice`},
		{secretfile.JSON, `{"A":{"B":"hunter2"},"C":["hunter2"],"D":null}`, "read json: key \"A\": it is an object, and a key of a secret holds one value\n" +
			"read json: key \"C\": it is a list, and a key of a secret holds one value\nread json: key \"D\": it has no value"},
		{secretfile.JSON, `{"A":"hunter2"} {"B":"x"}`, `read json: it is not one object`},
		{secretfile.JSON, `["hunter2"]`, `read json: it is not one object`},
		{secretfile.JSON, `{"A":"hunter2\ud800"}`, `read json: key "A": it holds half of a surrogate pair, which is no text`},
		{secretfile.JSON, `{"A":"hunter2\udc00\ud800"}`, `read json: key "A": it holds half of a surrogate pair, which is no text`},
		{secretfile.JSON, `{"A":"\\ud800\ud83d\ude00\ufffd"}`, ``},
		{secretfile.JSON, "{\"A\":\"hunter2\xff\"}", `read json: it is not UTF-8 text`},
		{secretfile.JSON, `{"a b":"hunter2","":"hunter2","..x":"1"}`, "read json: \"\" cannot be a key\nread json: \"..x\" cannot be a key\nread json: \"a b\" cannot be a key"},
		{secretfile.JSON, strings.Repeat(`[`, 200), `read json: it is nested too deeply`},

		{secretfile.YAML, "A: hunter2\nA: b", `read yaml: key "A": it stands twice`},
		{secretfile.YAML, "A: \"hunter2", `read yaml: it is not YAML`},
		{secretfile.YAML, "A: *hunter2", `read yaml: it is not YAML`},
		{secretfile.YAML, "A: !hunter2", `read yaml: key "A": it has a tag that says what it is in another tool's words`},
		{secretfile.YAML, "A: &hunter2", `read yaml: key "A": it has no value`},
		{secretfile.YAML, "A: #hunter2", `read yaml: key "A": it has no value`},
		{secretfile.YAML, "A: %hunter2", `read yaml: it is not YAML`},
		{secretfile.YAML, "A: @hunter2", `read yaml: it is not YAML`},
		{secretfile.YAML, "A: hunter2: x", `read yaml: it is not YAML`},
		{secretfile.YAML, "A: x\nB: x\nC: [hunter2", `read yaml: it is not YAML near line 2`},
		{secretfile.YAML, "A: {B: hunter2}", `read yaml: key "A": it is an object, and a key of a secret holds one value`},
		{secretfile.YAML, "A:\n- hunter2", `read yaml: key "A": it is a list, and a key of a secret holds one value`},
		{secretfile.YAML, "A: !!binary hunter2", `read yaml: key "A": it is tagged !!binary and is not base64`},
		{secretfile.YAML, "A: &x {B: hunter2}\nC: *x", `read yaml: key "C": it is an alias of more than one value`},
		{secretfile.YAML, "A: &x {<<: *x}", `read yaml: key "A.<<": it merges another mapping`},
		{secretfile.YAML, "? [hunter2]\n: x", `read yaml: line 1: it has a key that is no single word`},
		{secretfile.YAML, "A: hunter2\n---\nB: x", `read yaml: it is not one document of KEY: value`},
		{secretfile.YAML, "hunter2", `read yaml: it is not one document of KEY: value`},
		{secretfile.YAML, "A: hunter2\xff", `read yaml: it is not UTF-8 text`},

		{secretfile.Kubernetes, secretHead + "data: {A: aHVudGVyMg}", `read kubernetes: secret "a": key "A": it is not base64, which data holds`},
		{secretfile.Kubernetes, secretHead + "data: {A: 1234, B: , C: {D: hunter2}}", "read kubernetes: secret \"a\": key \"A\": it is a number, and data holds base64\n" +
			"read kubernetes: secret \"a\": key \"B\": it is null, and data holds base64\nread kubernetes: secret \"a\": key \"C\": it is an object, and data holds base64"},
		{secretfile.Kubernetes, secretHead + "stringData: {A: [hunter2]}", `read kubernetes: secret "a": key "A": it is a list, and stringData holds text`},
		{secretfile.Kubernetes, secretHead + "data:", `read kubernetes: secret "a": key "data": it is null, and not keys with values`},
		{secretfile.Kubernetes, secretHead + "data: {A: eA==, A: eQ==}", `read kubernetes: key "data.A": it stands twice`},
		{secretfile.Kubernetes, secretHead + "---\n" + secretHead, `read kubernetes: secret "a" stands twice`},
		{secretfile.Kubernetes, secretHead + "---\nkind: Secret\n", `read kubernetes: it holds an object without apiVersion and kind`},
		{secretfile.Kubernetes, "apiVersion: v1\nkind: Secret\nstringData: {A: hunter2}", `read kubernetes: it holds a Secret without a name`},
		{secretfile.Kubernetes, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {A: hunter2}", `read kubernetes: it holds no Secret: ConfigMap "a" is no Secret and is left out`},
		{secretfile.Kubernetes, "apiVersion: v1\nkind: Secret\nmetadata: {name: Orders}", `read kubernetes: "Orders" cannot be the name of a secret`},
		{secretfile.Kubernetes, "A: hunter2", `read kubernetes: it holds an object without apiVersion and kind`},
		{secretfile.Kubernetes, "---\n", `read kubernetes: it holds no Secret`},

		{secretfile.OnePassword, `{"A":"hunter2"}`, `read 1password: it holds something else than items of 1Password with their fields`},
		{secretfile.OnePassword, `{"title":"x","fields":[]}`, `read 1password: it holds no item with a field that has a value: "x" has no field with a value and is left out`},
		{secretfile.OnePassword, `{"title":"x","fields":[{"label":"a b","value":"hunter2"},{"label":"a  b","section":{"label":"S"},"value":"hunter2"}]}`,
			`read 1password: key "a_b": it would be that of two fields, "a b" and "S / a  b"`},
		{secretfile.OnePassword, `{"title":"x","fields":[{"label":"密码","value":"hunter2"}]}`, `read 1password: key "密码": no key of a secret can be made of this label`},
		{secretfile.OnePassword, `{"title":"x","fields":[{"label":"p","value":"[use 'op item get x --reveal' to reveal]"}]}`,
			`read 1password: secret "x": key "p": its value is concealed, and not in the file`},
		{secretfile.OnePassword, `[{"title":"A b","fields":[{"label":"p","value":"hunter2"}]},{"title":"a B","fields":[{"label":"p","value":"x"}]}]`, `read 1password: secret "a-b" stands twice`},
		{secretfile.OnePassword, string(archive(t, map[string][]byte{"other": []byte(hidden)})), `read 1password: the archive has no export.data`},
		{secretfile.OnePassword, string(archive(t, map[string][]byte{"export.data": []byte(`{"A":"hunter2"}`)})), `read 1password: its export.data has no accounts`},

		{secretfile.AWS, `{"A":"hunter2"}`, `read aws: it is not an answer of AWS Secrets Manager: it has no SecretString`},
		{secretfile.AWS, `{"Name":"x","SecretString":"{\"A\":{\"B\":\"hunter2\"}}"}`, `read aws: key "A": it is an object, and a key of a secret holds one value`},
		{secretfile.AWS, `{"Name":"x","SecretString":"{\"A\":\"hunter2\",\"A\":\"b\"}"}`, `read aws: key "A": it stands twice`},
		{secretfile.AWS, `{"Name":"x","SecretBinary":"hunter2"}`, `read aws: SecretBinary of "x" is not base64`},
		{secretfile.AWS, `{"SecretValues":[],"Errors":[{"SecretId":"prod/x","ErrorCode":"AccessDeniedException","Message":"no"}]}`, `read aws: AWS could not give secret "prod/x": AccessDeniedException`},
		{secretfile.AWS, `{"SecretValues":[]}`, `read aws: it holds no secret`},

		{secretfile.Doppler, `{"A":{"computed":null,"computedVisibility":"restricted","raw":null}}`, `read doppler: key "A": its value is restricted, and not in the file`},
		{secretfile.Vault, `{"A":"hunter2"}`, `read vault: it is not an answer of Vault about one secret`},
		{secretfile.Vault, `{"data":{"A":{"B":"hunter2"}}}`, `read vault: key "A": it is an object, and a key of a secret holds one value`},
		{secretfile.Docker, "A=hunter2", `read docker: the formats are env, json, yaml, kubernetes, 1password, aws, doppler, vault`},
	} {
		t.Run(fmt.Sprintf("%s/%.60q", c.format, c.text), func(t *testing.T) {
			items, warnings, err := secretfile.Read(c.format, "x", []byte(c.text))
			if said := strings.Join(warnings, "\n") + text(err) + hint(err); strings.Contains(said, hidden) {
				t.Errorf("it tells a secret: %s", said)
			}
			if c.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
			if items != nil || warnings != nil {
				t.Error("an error, and yet items or warnings")
			}
		})
	}
}

// TestEnvWarnings checks what is told of values that are not what they look like.
func TestEnvWarnings(t *testing.T) {
	const dropped = `key "A": a backslash in line 1 or after it is dropped, because the value is in double quotes`
	for _, c := range []struct{ text, value, want string }{
		{`A="C:\temp"`, `C:temp`, dropped},
		{`A="C:\\temp\n\"\$B"`, "C:\\temp\n\"$B", ""},
		{`A='C:\temp'`, `C:\temp`, ""},
		{`A=C:\temp`, `C:\temp`, ""},
		{"B=x\nA=1$B${B}2", "1xx2", `key "A": $B was replaced by the value of that key, in line 1`},
		{"B=x\nA='$B'", "$B", ""},
		{"B=x\nA=\"$(B)\"", "x)", `key "A": $B was replaced by the value of that key, in line 1`},
		{"B=x\nA=a # $B", "a", ""},
	} {
		items, warnings, err := secretfile.Read(secretfile.Env, "a", []byte(c.text))
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if got := string(items[0].Data["A"]); got != c.value || strings.Join(warnings, "; ") != c.want {
			t.Errorf("%s: got %q, %q", c.text, got, warnings)
		}
	}
}

func hint(err error) string {
	var hinted interface{ Hint() string }
	if errors.As(err, &hinted) {
		return hinted.Hint()
	}
	return ""
}

// TestTooLarge checks the size of a Secret, for which only its values count.
func TestTooLarge(t *testing.T) {
	most := strings.Repeat("x", 1<<20)
	if _, _, err := secretfile.Read(secretfile.Env, "a", []byte("KEY="+most)); err != nil {
		t.Error(err)
	}
	want := `read env: secret "a" would hold 1048577 bytes; the API server takes 1048576`
	if _, _, err := secretfile.Read(secretfile.Env, "a", []byte("KEY="+most+"\nB=1")); err == nil || err.Error() != want {
		t.Errorf("got %.200v", err)
	}
}
