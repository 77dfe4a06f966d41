// Package admission is the webhook server: HTTPS with a certificate that it makes
// and renews itself, three entries (/inject, /enforce, /resources) that hand each
// review to pkg/review, and the informers that answer a review's questions about
// the cluster. It writes nothing but its certificate's Secret and the clientConfig
// of its own webhook configurations, and reads no other Secret.
package admission
