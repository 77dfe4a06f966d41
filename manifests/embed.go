// Package manifests holds the Kubernetes manifests of this project, embedded, so that the
// plugin can install what it was built with. Each folder has a Kustomization; base/ and
// overlays/ put them together. `make generate` writes crd/, rbac/, chart/templates/ and, in
// monitoring/, dashboard.json and prometheusrule.yaml: nobody edits those by hand. The
// package does no I/O.
package manifests

import "embed"

// FS holds, in files of one or more documents each,
//
//	system/        the namespace
//	crd/           one CustomResourceDefinition in each file
//	rbac/          the ClusterRoles of the runner and of others who provision
//	roles/         the ClusterRoles of everybody else, from view to pipelines
//	webhook/       the webhook, what it may do, and its webhook configurations
//	policies/      one ValidatingAdmissionPolicy and its binding in each file
//	runner/        the runner's account, and how it runs: cronjob/ or watch/
//	cert-manager/  the webhook's certificate, from cert-manager
//
//go:embed system/*.yaml crd/*.yaml rbac/*.yaml roles/*.yaml webhook/*.yaml policies/*.yaml
//go:embed runner/*/*.yaml cert-manager/*.yaml
var FS embed.FS
