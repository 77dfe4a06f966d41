// Package policies holds the built-in policies, their tests and the schema of their input,
// embedded, so that the webhook, the runner and the plugin decide alike. A policy is one
// .rego file in the folder of its area, with its _test.rego beside it. The package does no
// I/O.
package policies

import "embed"

// FS holds guard/*.rego, resources/*.rego and workload/*.rego, tests included.
//
//go:embed guard resources workload
var FS embed.FS

// InputSchema is the JSON schema of the document that policies see as input.
//
//go:embed input.schema.json
var InputSchema string
