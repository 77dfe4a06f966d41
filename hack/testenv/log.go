package testenv

import "time"

type logFunc func(format string, a ...any)

func (l logFunc) orSilent() logFunc {
	if l == nil {
		return func(string, ...any) {}
	}
	return l
}

func elapsed(since time.Time) time.Duration {
	return time.Since(since).Round(100 * time.Millisecond)
}
