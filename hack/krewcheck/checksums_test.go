package main

import "testing"

func TestInspectChecksums(t *testing.T) {
	const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	for _, c := range []struct {
		name, sums string
		other      string // a file more
		want       string
	}{
		{"all files", empty + "  a\n" + empty + "  b\n", "", ""},
		{"a file less", empty + "  a\n", "", `names ["a"], the release holds ["a" "b"]`},
		{"a file more", empty + "  a\n" + empty + "  b\n", "c", `the release holds ["a" "b" "c"]`},
		{"a file in a folder", empty + "  a\n" + empty + "  b\n", "images/c", `the release holds ["a" "b" "images/c"]`},
		{"a folder listed", empty + "  a\n" + empty + "  b\n" + empty + "  images/c\n", "images/c", `"` + empty + `  images/c" is not a hash and the name of a file`},
		{"a file that is not there", empty + "  a\n" + empty + "  c\n", "", "checksums.txt: open"},
		{"another hash", empty + "  a\n" + "00" + empty[2:] + "  b\n", "", "b is " + empty + ", not 00"},
		{"a file twice", empty + "  a\n" + empty + "  a\n" + empty + "  b\n", "", `names ["a" "a" "b"]`},
		{"not a line of it", "a " + empty + "\n", "", "is not a hash and the name of a file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := map[string]string{"a": "", "b": "", "checksums.txt": c.sums}
			if c.other != "" {
				files[c.other] = ""
			}
			err := inspectChecksums(folder(t, files))
			if c.want == "" {
				must(t, err)
				return
			}
			expectError(t, c.name, err, c.want)
		})
	}
}
