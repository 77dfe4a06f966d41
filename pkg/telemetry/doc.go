// Package telemetry is what the webhook and the runner tell of themselves as processes:
// traces that go to an OpenTelemetry collector, a level of the log that can be changed
// while they run, profiles, and the metrics of the Go runtime.
package telemetry
