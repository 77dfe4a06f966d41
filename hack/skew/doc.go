// Package skew uses an installation as its users do where versions meet: on the oldest
// Kubernetes that is supported and on the newest, and with the version before this one as
// the plugin or as the webhook. It is all tests; docs/versions.md says what they promise.
package skew
