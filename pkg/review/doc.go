// Package review is the one path from an AdmissionReview to an answer: it reads
// the request, gathers the facts that a decision needs, asks the policies, and
// makes the patch or the message. The webhook and `policy test` share it. It does
// no I/O of its own: what it must know of the cluster it asks of Facts.
package review
