package postgres

import "testing"

func TestIgnoresRoleSettings(t *testing.T) {
	for version, want := range map[int]bool{140013: false, 140014: true, 140015: false, 150009: true, 160005: true, 160006: false, 170001: true, 170002: false, 180001: false} {
		if got := ignoresRoleSettings(version); got != want {
			t.Errorf("%d: got %v", version, got)
		}
	}
}
