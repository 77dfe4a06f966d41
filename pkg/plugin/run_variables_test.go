package plugin

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

func withNames(source source, names ...string) (variables []variable) {
	for _, name := range names {
		name, value, _ := strings.Cut(name, "=")
		variables = append(variables, variable{name: name, key: name, source: source, value: secret.NewValue([]byte(value))})
	}
	return variables
}

// TestChoose checks which variables there are, and that what cannot be one is refused by
// its name, without its value.
func TestChoose(t *testing.T) {
	app, user := source{kind: sourceSecret, name: "app"}, source{kind: sourceUser, name: "api"}
	all := slices.Concat(withNames(app, "B=canary", "A=1", "log.level=2", "Ä=3"), withNames(user, "PGHOST=h"))
	withNUL := slices.Concat(all, withNames(app, "NUL=canary\x00canary"))
	for _, c := range []struct {
		name string
		r    runCommand
		all  []variable
		want string // names, or an error
	}{
		{"all, as they come", runCommand{}, all, "B A log.level Ä PGHOST"},
		{"prefixed", runCommand{prefix: "APP_"}, all, "APP_B APP_A APP_log.level APP_Ä APP_PGHOST"},
		{"some", runCommand{only: []string{"PGHOST", "A"}}, all, "A PGHOST"},
		{"some, prefixed", runCommand{only: []string{"A"}, prefix: "X"}, all, "XA"},
		{"none that is asked for", runCommand{only: []string{"A", "PGHSOT"}}, all, `error: --only: no source has the variable "PGHSOT", did you mean PGHOST?`},
		{"asked for with the prefix", runCommand{only: []string{"APP_A"}, prefix: "APP_"}, all, `error: --only: no source has the variable "APP_A", write it without the prefix: A`},
		{"NUL that is not wanted", runCommand{only: []string{"A"}}, withNUL, "A"},
		{"NUL", runCommand{}, withNUL, "error: not everything can be a variable:\nsecret/app: NUL has a NUL byte, which ends the value of a variable, name those that are wanted with --only"},
		{"no names", runCommand{}, withNames(app, "", "A=1"), "error: not everything can be a variable:\n" + `secret/app: "" cannot be the name of a variable, name those that are wanted with --only`},
		{"an equals sign", runCommand{prefix: "A="}, withNames(app, "B"), "error: not everything can be a variable:\n" + `secret/app: "A=B" cannot be the name of a variable, name those that are wanted with --only`},
	} {
		before := slices.Clone(c.all)
		chosen, err := c.r.choose(c.all)
		var names []string
		for _, v := range chosen {
			names = append(names, v.name)
		}
		got := strings.Join(names, " ")
		if err != nil {
			said := explain(err)
			got = "error: " + said.cause + ", " + said.hint
		}
		if got != c.want || strings.Contains(got, "canary") {
			t.Errorf("%s: got %s\nwant %s", c.name, got, c.want)
		}
		for i := range before {
			if c.all[i].name != before[i].name {
				t.Errorf("%s: the argument was changed", c.name)
			}
		}
	}
}

// TestMergedEnvironment checks that the later source wins, that each variable is there
// once, and what is said of that.
func TestMergedEnvironment(t *testing.T) {
	a, b, c := source{kind: sourceSecret, name: "a"}, source{kind: sourceUser, name: "b"}, source{kind: sourceSecret, name: "c", alias: "x"}
	merged, doubled := merge(slices.Concat(withNames(a, "Z=1", "A=2", "PGHOST=3"), withNames(b, "PGHOST=4"), withNames(c, "PGHOST=5", "Z=\xff\xfe\n")))
	wantDoubled := []string{
		"PGHOST is in secret/a and in user/b: that of user/b is used",
		"PGHOST is in user/b and in x=secret/c: that of x=secret/c is used",
		"Z is in secret/a and in x=secret/c: that of x=secret/c is used",
	}
	if !reflect.DeepEqual(doubled, wantDoubled) {
		t.Errorf("doubled: %q", doubled)
	}
	own := []string{"HOME=/root", "Z=mine", "PGSERVICE=s", "z=small", "PGHOST=old", "PGHOSTADDR=192.0.2.1", "ODD"}
	wantSentences := []string{
		"replaced in your own environment: PGHOST, Z",
		"PGSERVICE of your own environment leads libpq elsewhere than PGHOST: unset it, or add --pristine",
		"PGHOSTADDR of your own environment leads libpq elsewhere than PGHOST: unset it, or add --pristine",
	}
	if got := disturbed(own, merged); !reflect.DeepEqual(got, wantSentences) {
		t.Errorf("disturbed: %q", got)
	}
	if got := disturbed(own, withNames(a, "A")); len(got) != 0 {
		t.Errorf("disturbed by nothing: %q", got)
	}
	want := []string{"HOME=/root", "PGSERVICE=s", "z=small", "PGHOSTADDR=192.0.2.1", "ODD", "A=2", "PGHOST=5", "Z=\xff\xfe\n"}
	if got := environmentOf(own, merged); !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := environmentOf(nil, merged); !reflect.DeepEqual(got, want[5:]) {
		t.Errorf("pristine: got %q, want %q", got, want[5:])
	}
}
