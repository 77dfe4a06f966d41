package plugin

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/dbtether/kubectl-dbtether/pkg/provision"
	"github.com/dbtether/kubectl-dbtether/pkg/telemetry"
)

// watchLog returns where the watch tells of itself, and of its results: sentences on a
// terminal, otherwise a line of JSON each.
func (e *Environment) watchLog(level *telemetry.Level, withNamespace bool) (*slog.Logger, func(provision.Result, time.Duration)) {
	if e.Terminal.Out {
		return slog.New(sentences{env: e, level: level}), func(result provision.Result, _ time.Duration) {
			tellResult(e, result, false, withNamespace)
			tellFailure(e, result, withNamespace)
		}
	}
	results := slog.New(slog.NewJSONHandler(e.Out, nil))
	return slog.New(slog.NewJSONHandler(e.ErrOut, &slog.HandlerOptions{Level: level})), func(result provision.Result, took time.Duration) {
		results.LogAttrs(context.Background(), levelOf(result), "reconciled", attributes(result, took)...)
	}
}

func levelOf(result provision.Result) slog.Level {
	switch {
	case result.Err != nil:
		return slog.LevelError
	case len(result.Warnings) > 0:
		return slog.LevelWarn
	default:
		return slog.LevelInfo
	}
}

// attributes are what a line of the log says of a result.
func attributes(result provision.Result, took time.Duration) []slog.Attr {
	all := []slog.Attr{slog.String("kind", result.Kind), slog.String("namespace", result.Namespace), slog.String("name", result.Name),
		slog.String("action", string(result.Action)), slog.Int("statements", result.Statements), slog.Float64("seconds", took.Seconds())}
	if result.Revision > 0 {
		all = append(all, slog.Int64("revision", result.Revision))
	}
	if len(result.Keys) > 0 {
		all = append(all, slog.Any("keys", result.Keys))
	}
	if len(result.Restarted) > 0 {
		all = append(all, slog.Any("restarted", result.Restarted))
	}
	if len(result.Warnings) > 0 {
		all = append(all, slog.Any("warnings", result.Warnings))
	}
	if result.Err != nil {
		all = append(all, slog.String("reason", string(provision.WhyOf(result.Err))), slog.String("error", result.Error))
	}
	if result.Hint != "" {
		all = append(all, slog.String("hint", result.Hint))
	}
	return all
}

// sentences is a slog.Handler for a terminal. What is no warning is a note.
type sentences struct {
	env        *Environment
	level      slog.Leveler
	attributes []slog.Attr
}

// Enabled implements slog.Handler.
func (s sentences) Enabled(_ context.Context, level slog.Level) bool { return level >= s.level.Level() }

// Handle implements slog.Handler.
func (s sentences) Handle(_ context.Context, record slog.Record) error {
	text := []string{record.Message}
	add := func(a slog.Attr) bool {
		text = append(text, fmt.Sprintf("%s: %v", a.Key, a.Value))
		return true
	}
	for _, a := range s.attributes {
		add(a)
	}
	record.Attrs(add)
	if line := strings.Join(text, ", "); record.Level >= slog.LevelWarn {
		s.env.warn("%s", line)
	} else {
		s.env.note("%s", line)
	}
	return nil
}

// WithAttrs implements slog.Handler.
func (s sentences) WithAttrs(attributes []slog.Attr) slog.Handler {
	return sentences{s.env, s.level, append(s.attributes[:len(s.attributes):len(s.attributes)], attributes...)}
}

// WithGroup implements slog.Handler: sentences have no groups.
func (s sentences) WithGroup(string) slog.Handler { return s }
