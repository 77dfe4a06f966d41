package cast

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestRecorder(t *testing.T) {
	now := time.Unix(1000, 0)
	var file bytes.Buffer
	r, err := NewRecorder(&file, Header{Width: 80, Height: 24, Title: "a <title>"}, 2*time.Second, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Type("ls\nx"); err != nil {
		t.Fatal(err)
	}
	now = now.Add(500 * time.Millisecond)
	if _, err := r.Write([]byte("a <b>\n")); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Minute)
	if _, err := r.Write([]byte("late\n")); err != nil {
		t.Fatal(err)
	}
	r.Wait(time.Second)
	if _, err := r.Write([]byte("later\n")); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(file.String(), `"a <b>\r\n"`) {
		t.Errorf("got\n%s", &file)
	}
	header, events, err := Read(&file)
	if err != nil {
		t.Fatal(err)
	}
	if want := (Header{Version: 2, Width: 80, Height: 24, Timestamp: 1000, Title: "a <title>"}); header != want {
		t.Errorf("got %+v, want %+v", header, want)
	}
	want := []Event{
		{0, "$ "}, {0.03, "l"}, {0.06, "s"}, {0.09, "\r\n> "}, {0.12, "x"}, {0.42, "\r\n"},
		{0.92, "a <b>\r\n"}, {2.92, "late\r\n"}, {3.92, "later\r\n"},
	}
	if !reflect.DeepEqual(events, want) {
		t.Errorf("got\n%v\nwant\n%v", events, want)
	}
}

func TestReadErrors(t *testing.T) {
	const header = `{"version":2,"width":80,"height":24}` + "\n"
	for _, c := range []struct{ text, want string }{
		{"", "line 1: there is none"},
		{"nonsense", "line 1: invalid character"},
		{`{"version":1,"width":80,"height":24}`, "line 1: version 1, 80 by 24: not a recording of version 2"},
		{header + "[1,", "line 2: unexpected end"},
		{header + `[1,"i","x"]`, `line 2: event of kind "i", not output`},
		{header + `[1,"o","x"]` + "\n" + `[0.5,"o","x"]`, "line 3: at 0.5 s, before the line above"},
	} {
		_, _, err := Read(strings.NewReader(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: got %v, want %s", c.text, err, c.want)
		}
	}
}
