// Package manifests holds the Kubernetes manifests of this project, embedded, so
// that the plugin can install what it was built with. crd/ and rbac/ are written
// by `make generate`; nobody edits them by hand. Each folder has a Kustomization,
// base/ and overlays/ put them together. It does no I/O.
package manifests

import "embed"

// FS holds, in files of one or more documents each,
//
//	system/        the namespace
//	crd/           one CustomResourceDefinition in each file
//	rbac/          what whoever provisions may do
//	roles/         what others are given: the aggregated roles, pipelines
//	webhook/       the webhook, what it may do, and its webhook configurations
//	policies/      one ValidatingAdmissionPolicy and its binding in each file
//	runner/        the runner's account, and how it runs: cronjob/ or watch/
//	cert-manager/  the webhook's certificate, from cert-manager
//
//go:embed system/*.yaml crd/*.yaml rbac/*.yaml roles/*.yaml webhook/*.yaml policies/*.yaml
//go:embed runner/*/*.yaml cert-manager/*.yaml
var FS embed.FS
