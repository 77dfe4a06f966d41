package plugin

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

const day = 24 * time.Hour

// parseSpan reads a time span in the future: 90d, 12h, 1d12h or 30m.
func parseSpan(text string) (time.Duration, error) {
	var span time.Duration
	days, rest, hasDays := strings.Cut(text, "d")
	if !hasDays {
		rest = text
	} else {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return 0, notASpan(text)
		}
		span = time.Duration(n) * day
	}
	if rest != "" || !hasDays {
		more, err := time.ParseDuration(rest)
		if err != nil || more < 0 || strings.HasPrefix(rest, "+") {
			return 0, notASpan(text)
		}
		span += more
	}
	if span <= 0 {
		return 0, notASpan(text)
	}
	return span, nil
}

func notASpan(text string) error {
	return fmt.Errorf("%q is no time like 90d or 12h", text)
}

// parseDays is parseSpan for whole days.
func parseDays(text string) (int, error) {
	span, err := parseSpan(text)
	if err == nil && span%day != 0 {
		err = fmt.Errorf("%q is no number of whole days, like 30d", text)
	}
	return int(span / day), err
}

// inDays returns "every day" or "every 30 days".
func inDays(days int) string {
	if days == 1 {
		return "every day"
	}
	return fmt.Sprintf("every %d days", days)
}
