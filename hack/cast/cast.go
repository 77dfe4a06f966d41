// Package cast writes and reads recordings of a terminal, in version 2 of asciinema's
// format: https://docs.asciinema.org/manual/asciicast/v2/
package cast

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"time"
)

// Header is the first line of a recording.
type Header struct {
	Version   int    `json:"version"`
	Width     int    `json:"width"`
	Height    int    `json:"height"`
	Timestamp int64  `json:"timestamp,omitempty"` // in seconds since 1970
	Title     string `json:"title,omitempty"`
}

// Event is what appeared on the terminal at a time after the beginning, in seconds.
type Event struct {
	Time float64
	Text string
}

// Recorder records what is written to it, at the times at which it is, without the long
// pauses. It is for one goroutine at a time.
type Recorder struct {
	out     io.Writer
	now     func() time.Time
	longest time.Duration // of the pauses
	at      time.Duration // in the recording
	last    time.Time
	err     error
}

// NewRecorder begins a recording. Pauses are cut to longest; now is the clock.
func NewRecorder(out io.Writer, header Header, longest time.Duration, now func() time.Time) (*Recorder, error) {
	header.Version = 2
	header.Timestamp = now().Unix()
	line, err := json.Marshal(header)
	if err != nil {
		return nil, err
	}
	_, err = fmt.Fprintf(out, "%s\n", line)
	return &Recorder{out: out, now: now, longest: longest, last: now()}, err
}

// Write records output.
func (r *Recorder) Write(text []byte) (int, error) {
	now := r.now()
	r.at += min(now.Sub(r.last), r.longest)
	r.last = now
	r.event(bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n")))
	return len(text), r.err
}

const (
	perKey    = 30 * time.Millisecond
	perLine   = 2 * time.Second // a long one is typed faster
	beforeRun = 300 * time.Millisecond
)

// Type records a command line that somebody types, and the key that runs it. It takes no
// time itself.
func (r *Recorder) Type(line string) error {
	r.event([]byte("$ "))
	keys := []rune(line)
	pause := min(perKey, perLine/time.Duration(max(len(keys), 1)))
	for _, key := range keys {
		r.at += pause
		if key == '\n' {
			r.event([]byte("\r\n> "))
			continue
		}
		r.event([]byte(string(key)))
	}
	r.at += beforeRun
	r.event([]byte("\r\n"))
	r.last = r.now()
	return r.err
}

// Wait records that nothing happens for a while. It does not take that while.
func (r *Recorder) Wait(while time.Duration) { r.at += while }

func (r *Recorder) event(text []byte) {
	if r.err != nil || len(text) == 0 {
		return
	}
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	if r.err = encoder.Encode([]any{math.Round(r.at.Seconds()*1000) / 1000, "o", string(text)}); r.err == nil {
		_, r.err = r.out.Write(line.Bytes())
	}
}

// Read reads a recording. Its errors name the line that is not in order: what is no JSON,
// another version, a time before that of the line above.
func Read(in io.Reader) (Header, []Event, error) {
	var header Header
	var events []Event
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		if n == 1 {
			if err := json.Unmarshal(lines.Bytes(), &header); err != nil {
				return header, nil, fmt.Errorf("line 1: %w", err)
			}
			if header.Version != 2 || header.Width < 1 || header.Height < 1 {
				return header, nil, fmt.Errorf("line 1: version %d, %d by %d: not a recording of version 2", header.Version, header.Width, header.Height)
			}
			continue
		}
		var kind string
		var event Event
		if err := json.Unmarshal(lines.Bytes(), &[]any{&event.Time, &kind, &event.Text}); err != nil {
			return header, nil, fmt.Errorf("line %d: %w", n, err)
		}
		if kind != "o" {
			return header, nil, fmt.Errorf("line %d: event of kind %q, not output", n, kind)
		}
		if len(events) > 0 && event.Time < events[len(events)-1].Time {
			return header, nil, fmt.Errorf("line %d: at %v s, before the line above", n, event.Time)
		}
		events = append(events, event)
	}
	if header.Version == 0 {
		return header, nil, errors.Join(errors.New("line 1: there is none"), lines.Err())
	}
	return header, events, lines.Err()
}
