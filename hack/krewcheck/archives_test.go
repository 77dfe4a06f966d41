package main

import (
	"io/fs"
	"testing"
)

func TestInspectArchives(t *testing.T) {
	program, windows := plugin("kubectl-dbtether", "v0.1.0"), plugin("kubectl-dbtether.exe", "v0.1.0")
	link := func(name string) member { return member{name, fs.ModeSymlink | 0o777, []byte("/bin/sh")} }
	const tarName, zipName = "kubectl-dbtether_v0.1.0_linux_amd64.tar.gz", "kubectl-dbtether_v0.1.0_windows_amd64.zip"
	for _, c := range []struct {
		name, archive string
		members       []member
		want          string
	}{
		{"a good tar", tarName, []member{licensed, program}, ""},
		{"a good zip", zipName, []member{licensed, windows}, ""},
		{"a symlink in a tar", tarName, []member{licensed, link("kubectl-dbtether")}, `it holds ["-rw-r--r-- LICENSE" "Lrwxrwxrwx kubectl-dbtether"]`},
		{"a symlink in a zip", zipName, []member{licensed, link("kubectl-dbtether.exe")}, `it holds ["-rw-r--r-- LICENSE" "Lrwxrwxrwx kubectl-dbtether.exe"]`},
		{"a program that cannot be run", tarName, []member{licensed, {"kubectl-dbtether", 0o644, program.content}}, `"-rw-r--r-- kubectl-dbtether"]`},
		{"no license", tarName, []member{program}, `it holds ["-rwxr-xr-x kubectl-dbtether"]`},
		{"another license", zipName, []member{{"LICENSE", 0o644, []byte("all rights reserved")}, windows}, "its LICENSE is not ours"},
		{"a file more", tarName, []member{licensed, program, {"README", 0o644, nil}}, `"-rw-r--r-- README"]`},
		{"Linux's program for Windows", zipName, []member{licensed, program}, `"-rwxr-xr-x kubectl-dbtether.exe"]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			write := tarGz
			if c.archive == zipName {
				write = zipped
			}
			err := inspectArchives(folder(t, map[string]string{c.archive: string(write(t, c.members...))}), licensed.content)
			if c.want == "" {
				must(t, err)
				return
			}
			expectError(t, c.archive, err, c.want)
		})
	}
	expectError(t, "a folder without archives", inspectArchives(t.TempDir(), nil), "it holds no archive")
	notOne := folder(t, map[string]string{tarName: "no gzip"})
	expectError(t, "a file that is no archive", inspectArchives(notOne, nil), "inspect "+tarName+": ")
}
