package v1alpha1

import (
	"strings"
	"time"
)

// Strategy returns how the password is replaced: as the spec says, or Alternate. A role that
// was adopted may have rights beside those on its databases, which a second login would not
// have: there it is InPlace, unless the spec has a rotation.
func (u *DatabaseUser) Strategy() RotationStrategy {
	if u.Spec.Rotation == nil && u.Spec.Adopt {
		return RotateInPlace
	}
	if u.Spec.Rotation != nil && u.Spec.Rotation.Strategy != "" {
		return u.Spec.Rotation.Strategy
	}
	return RotateAlternate
}

// maxRequest is how many bytes of a request the status holds.
const maxRequest = 64

// RotationRequest returns the request for a new password in the annotations; empty for none.
// One that is longer than the status can hold is cut.
func RotationRequest(annotations map[string]string) string {
	request := annotations[AnnotationRotate]
	return strings.ToValidUTF8(request[:min(len(request), maxRequest)], "")
}

// DefaultGracePeriod is how long the old login of an alternate rotation works.
const DefaultGracePeriod = 24 * time.Hour

// GracePeriod returns the grace period of the spec; DefaultGracePeriod where it has none, or
// one that cannot be parsed.
func (u *DatabaseUser) GracePeriod() time.Duration {
	if u.Spec.Rotation == nil || u.Spec.Rotation.GracePeriod == "" {
		return DefaultGracePeriod
	}
	period, err := time.ParseDuration(u.Spec.Rotation.GracePeriod)
	if err != nil {
		return DefaultGracePeriod
	}
	return period
}
