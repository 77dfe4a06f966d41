// Package review is the one path from an AdmissionReview to an answer: it reads the request,
// gathers the facts that a decision needs, asks the policies, and makes the patch or the
// message. The webhook, `policy test` and the authorisation of plans share it.
//
// A Reviewer has a method for each entry of the webhook (Inject, Enforce, Guard, Resources,
// Templates), and Authorize for plans. An Examiner asks all entries that would get an object,
// and keeps what they based their answers on. The package does no I/O: what it has to know of
// the cluster it asks of Facts.
package review
