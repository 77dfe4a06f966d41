package main

import (
	"reflect"
	"testing"
)

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
