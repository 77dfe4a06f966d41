package main

import "testing"

func TestArchiveNames(t *testing.T) {
	for p, want := range map[platform]string{
		{"linux", "arm64"}:   "kubectl-dbtether_v0.1.0_linux_arm64.tar.gz",
		{"windows", "amd64"}: "kubectl-dbtether_v0.1.0_windows_amd64.zip",
	} {
		if got := p.archive("v0.1.0"); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
