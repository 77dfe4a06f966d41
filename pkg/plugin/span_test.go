package plugin

import (
	"testing"
	"time"
)

func TestParseSpan(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"90d": 90 * day, "12h": 12 * time.Hour, "1d12h": 36 * time.Hour, "30m": 30 * time.Minute, "1h30m": 90 * time.Minute, "65535d": 65535 * day, "1d0s": day,
	} {
		if got, err := parseSpan(text); err != nil || got != want {
			t.Errorf("%s is %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "d", "0", "0d", "0s", "90", "-1d", "+1d", "-1h", "1d-2h", "1d+2h", "1.5d", "65536d", "1h2d", "1 d", "1d 2h", "1w", "tomorrow", "1dd"} {
		if got, err := parseSpan(text); err == nil {
			t.Errorf("%s is %s", text, got)
		}
	}
}

func TestParseDays(t *testing.T) {
	for text, want := range map[string]int{"30d": 30, "24h": 1, "1d24h": 2} {
		if got, err := parseDays(text); err != nil || got != want {
			t.Errorf("%s is %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"12h", "1d12h", "30"} {
		if got, err := parseDays(text); err == nil {
			t.Errorf("%s is %d", text, got)
		}
	}
}
