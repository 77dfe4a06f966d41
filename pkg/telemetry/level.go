package telemetry

import (
	"log/slog"
	"sync"
	"time"
)

// Level is the lowest level of the lines that a log has. It can be changed while the process
// runs, and is safe for concurrent use. It is a slog.Leveler.
type Level struct {
	now  slog.LevelVar
	base slog.Level

	mu   sync.Mutex
	back *time.Timer // to base, if that was asked for
}

// NewLevel returns the level with which a process begins.
func NewLevel(base slog.Level) *Level {
	l := &Level{base: base}
	l.now.Set(base)
	return l
}

// Level implements slog.Leveler.
func (l *Level) Level() slog.Level { return l.now.Level() }

// Set changes the level for a while, after which it is again the one that the process began
// with; 0: until the process ends, or Set is called again.
func (l *Level) Set(level slog.Level, while time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.back != nil {
		l.back.Stop()
		l.back = nil
	}
	l.now.Set(level)
	if while > 0 {
		var mine *time.Timer
		mine = time.AfterFunc(while, func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			if l.back == mine { // nobody has changed it since
				l.now.Set(l.base)
			}
		})
		l.back = mine
	}
}
