// Package notify tells others that a Secret was changed, rotated or deleted, or that it
// has expired: by an Event of the Secret, and by a signed HTTP request to the receiver
// that its namespace names. What is told is who, when and which keys; never a value.
//
// A change that could not be told stands all the same. What went wrong is returned.
package notify
