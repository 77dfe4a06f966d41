package telemetry

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

func TestLevelGoesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLevel(slog.LevelInfo)
		at := func(want slog.Level) {
			t.Helper()
			synctest.Wait()
			if l.Level() != want {
				t.Errorf("the level is %s, not %s", l.Level(), want)
			}
		}
		l.Set(slog.LevelDebug, time.Minute)
		at(slog.LevelDebug)
		time.Sleep(59 * time.Second)
		at(slog.LevelDebug)
		l.Set(slog.LevelWarn, time.Minute) // counts anew
		time.Sleep(59 * time.Second)
		at(slog.LevelWarn)
		time.Sleep(2 * time.Second)
		at(slog.LevelInfo)
		l.Set(slog.LevelDebug, time.Minute)
		l.Set(slog.LevelError, 0)
		time.Sleep(time.Hour)
		at(slog.LevelError)
	})
}
