package runner

import (
	"context"
	"log/slog"

	"k8s.io/klog/v2"
)

// clientLog passes on what client-go logs: warnings, and of the rest what the verbosity of
// klog asks for, where that is not 0.
type clientLog struct{ slog.Handler }

// Enabled implements slog.Handler. The levels of klog are those of slog, below zero.
func (c clientLog) Enabled(ctx context.Context, level slog.Level) bool {
	if level >= slog.LevelWarn {
		return c.Handler.Enabled(ctx, level)
	}
	verbose := klog.V(1).Enabled()
	return verbose && klog.V(klog.Level(max(0, -level))).Enabled() //nolint:gosec // klog's levels are small
}

// WithAttrs implements slog.Handler.
func (c clientLog) WithAttrs(attributes []slog.Attr) slog.Handler {
	return clientLog{c.Handler.WithAttrs(attributes)}
}

// WithGroup implements slog.Handler.
func (c clientLog) WithGroup(name string) slog.Handler { return clientLog{c.Handler.WithGroup(name)} }
