package plugin

import "testing"

func TestDryRun(t *testing.T) {
	for _, way := range []string{"", "yes", noWay} {
		if err := (&dryRun{}).Set(way); err == nil {
			t.Errorf("--dry-run=%s is taken", way)
		}
	}
	d := &dryRun{}
	if err := d.Set("server"); err != nil || !d.server() || d.client() || d.said("created") != "created (server dry run)" {
		t.Errorf("%+v, %v", d, err)
	}
}
