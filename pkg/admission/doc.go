// Package admission is the webhook server. It has
//   - a server for HTTPS, with a certificate that it makes and renews itself, or that is
//     written into files;
//   - entries (/inject, /enforce, /guard, /resources, /templates), which hand each review to
//     pkg/review;
//   - an index, kept by informers, that answers what a review asks about the cluster;
//   - a library of the policies, which are loaded from ConfigMaps whenever these change.
//
// It writes the Secret of its certificate, the clientConfig of its own webhook
// configurations, and which policies it has loaded, into a ConfigMap and Events. It reads no
// other Secret.
package admission
