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

func TestSomePlatformsHaveBothFormatsAndAnImage(t *testing.T) {
	for host, want := range map[string][]string{
		"darwin":  {"darwin/arm64", "windows/amd64", "linux/arm64"},
		"windows": {"windows/arm64", "linux/amd64"},
		"linux":   {"linux/arm64", "windows/amd64"},
	} {
		if got := somePlatforms(host, "arm64"); !reflect.DeepEqual(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
