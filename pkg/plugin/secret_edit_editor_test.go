package plugin

import (
	"strings"
	"testing"
)

func TestWordsOfAnEditor(t *testing.T) {
	for _, c := range []struct {
		command string
		windows bool
		want    string
	}{
		{"vi", false, "vi"},
		{"code --wait", false, "code|--wait"},
		{" code  --wait ", false, "code|--wait"},
		{"emacs -eval '(a b)'", false, `sh|-c|emacs -eval '(a b)' "$@"|sh`},
		{"$HOME/bin/ed", false, `sh|-c|$HOME/bin/ed "$@"|sh`},
		{`my\ ed`, false, `sh|-c|my\ ed "$@"|sh`},
		{"notepad", true, "notepad"},
		{`C:\bin\ed.exe -w`, true, `C:\bin\ed.exe|-w`},
		{`"C:\Program Files\ed.exe" -w "a b"`, true, `C:\Program Files\ed.exe|-w|a b`},
	} {
		if got := strings.Join(editorWords(c.command, c.windows), "|"); got != c.want {
			t.Errorf("%q: got %s, want %s", c.command, got, c.want)
		}
	}
}
