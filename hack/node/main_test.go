package main

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	here, err := filepath.Abs("images")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args string
		want settings
	}{
		{"run -- go test -v ./x", settings{Command: []string{"go", "test", "-v", "./x"}}},
		{"run --images images --logs /l kubectl -n x get pods", settings{Images: here, Logs: "/l", Command: []string{"kubectl", "-n", "x", "get", "pods"}}},
	} {
		got, err := parse(strings.Fields(c.args))
		c.want.Started = got.Started
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %+v, %v, want %+v", c.args, got, err, c.want)
		}
	}
	for args, want := range map[string]string{
		"":    "usage: node run [flags] -- COMMAND [ARGUMENT...]",
		"up":  "usage: node run [flags] -- COMMAND [ARGUMENT...]",
		"run": "run: no command given",
	} {
		if _, err := parse(strings.Fields(args)); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", args, err, want)
		}
	}
}

func TestWithoutNodeTheCommandIsToldWhy(t *testing.T) {
	for _, c := range []struct {
		script string
		want   int
	}{
		{`test "$DBTETHER_NODE_MISSING" = "a node needs root" && test -z "$DBTETHER_NODE"`, 0},
		{"exit 3", 3},
	} {
		if code, err := withoutNode(t.Context(), settings{Command: []string{"sh", "-c", c.script}}, "a node needs root"); code != c.want || err != nil {
			t.Errorf("%s: exit code %d, %v, want %d", c.script, code, err, c.want)
		}
	}
	if code, err := withoutNode(t.Context(), settings{Command: []string{"there-is-no-such-program"}}, ""); err == nil {
		t.Errorf("a command that is not there ends with code %d", code)
	}
}
