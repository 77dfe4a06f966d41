package inject

import (
	"reflect"
	"testing"
)

func TestReadInjected(t *testing.T) {
	for _, c := range []struct {
		text string
		want []Injection
	}{
		{"", nil}, {Nothing, nil},
		{"orders-api@3:env+files", []Injection{{"orders-api", "", 3, "env+files"}}},
		{"orders-api@3:env,reports=analytics.ro@12:files", []Injection{{"orders-api", "", 3, "env"}, {"analytics.ro", "reports", 12, "files"}}},
		{" a@1:env , b", []Injection{{"a", "", 1, "env"}, {"b", "", -1, ""}}},
		{"a@x:files,a@-4:env,,@", []Injection{{"a", "", -1, "files"}, {"a", "", -1, "env"}, {"", "", -1, ""}, {"", "", -1, ""}}},
	} {
		if got := ReadInjected(c.text); !reflect.DeepEqual(got, c.want) {
			t.Errorf("ReadInjected(%q) = %v, want %v", c.text, got, c.want)
		}
	}
}

// What a patch writes is read back.
func TestReadInjectedOfPatch(t *testing.T) {
	ask := &Ask{As: FormFiles, Users: []UserAsk{{Name: "a"}, {Name: "b", Alias: "x"}}, Env: []EnvAsk{{Variable: "V", Key: "uri"}}}
	pod, err := Decode([]byte(`{"spec":{"containers":[{"name":"app"}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	patch, err := pod.Patch(ask, []Binding{{User: "a", Secret: "s", Revision: 7}, {User: "b", Alias: "x", Secret: "t", Revision: 1}})
	if err != nil {
		t.Fatal(err)
	}
	want := []Injection{{"a", "", 7, "env+files"}, {"b", "x", 1, "files"}}
	if got := ReadInjected(patch.Injected); !reflect.DeepEqual(got, want) {
		t.Errorf("of %q is read %v, want %v", patch.Injected, got, want)
	}
}
