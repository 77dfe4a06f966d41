// Package admission is the webhook server: HTTPS with a certificate that it makes
// and renews itself, entries (/inject, /enforce, /guard, /resources, /templates) that hand
// each review to pkg/review, the informers that answer a review's questions about the
// cluster, and the policies that it is decided by, loaded from ConfigMaps whenever they
// change. It writes nothing but its certificate's Secret, the clientConfig of its own
// webhook configurations, and what it has loaded: a ConfigMap and Events. It reads no
// other Secret.
package admission
