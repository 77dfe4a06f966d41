package main

import (
	"reflect"
	"testing"
)

func TestCompletions(t *testing.T) {
	const said = "describe\tShow a database\ndelete\tDrop a database\n:4\n"
	if got, want := completions(said), []string{"delete", "describe"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := completions(":1\n"); len(got) != 0 {
		t.Errorf("got %q", got)
	}
}
