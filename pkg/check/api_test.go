package check

import "testing"

func TestAPI(t *testing.T) {
	compare(t, API{Version: "v1.37.1"}.Findings())
	compare(t, API{Version: "v1.30.0-eks-5e0fdde"}.Findings())
	compare(t, API{Version: "v1.29.14"}.Findings(), "error api-version: Kubernetes is v1.29.14, older than 1.30")
	compare(t, API{Version: "main"}.Findings(), `warning api-version: the version of Kubernetes, "main", cannot be read`)
}
