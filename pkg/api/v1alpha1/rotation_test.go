package v1alpha1_test

import (
	"strings"
	"testing"
	"time"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

func TestRotation(t *testing.T) {
	for _, c := range []struct {
		rotation *v1alpha1.RotationSpec
		strategy v1alpha1.RotationStrategy
		period   time.Duration
	}{
		{nil, "Alternate", 24 * time.Hour},
		{&v1alpha1.RotationSpec{Days: 30}, "Alternate", 24 * time.Hour},
		{&v1alpha1.RotationSpec{Strategy: "InPlace", GracePeriod: "90m"}, "InPlace", 90 * time.Minute},
		{&v1alpha1.RotationSpec{GracePeriod: "0s"}, "Alternate", 0},
		{&v1alpha1.RotationSpec{GracePeriod: "8760h"}, "Alternate", 365 * 24 * time.Hour},
		{&v1alpha1.RotationSpec{GracePeriod: "a day"}, "Alternate", 24 * time.Hour},
	} {
		user := &v1alpha1.DatabaseUser{Spec: v1alpha1.DatabaseUserSpec{Rotation: c.rotation}}
		if user.Strategy() != c.strategy || user.GracePeriod() != c.period {
			t.Errorf("%+v: %s, %s", c.rotation, user.Strategy(), user.GracePeriod())
		}
	}
}

// TestRotationRequest checks that what is asked for fits into the status, and is the same
// each time: else it would be answered again and again.
func TestRotationRequest(t *testing.T) {
	for asked, want := range map[string]string{
		"": "", "2030-01-02T03:04:05.000000006Z": "2030-01-02T03:04:05.000000006Z",
		strings.Repeat("x", 65): strings.Repeat("x", 64), strings.Repeat("x", 63) + "é": strings.Repeat("x", 63), strings.Repeat("🐘", 17): strings.Repeat("🐘", 16),
	} {
		if got := v1alpha1.RotationRequest(map[string]string{v1alpha1.AnnotationRotate: asked}); got != want {
			t.Errorf("%q asks for %q, want %q", asked, got, want)
		}
	}
}
