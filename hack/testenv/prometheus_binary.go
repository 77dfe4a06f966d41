package testenv

import (
	"context"
	"path/filepath"
	"runtime"
	"strings"
)

const prometheusModule = "github.com/prometheus/prometheus"

// findPrometheus returns the path of prometheus. It builds what tools/prometheus pins, if
// it is not in the cache: without its pages and without the ways of finding targets that
// need a cloud's library.
func findPrometheus(ctx context.Context, log logFunc) (string, error) {
	module, versions, err := readPinned(ctx, "tools/prometheus", prometheusModule)
	if err != nil {
		return "", err
	}
	version := versions[0]
	module.cache = filepath.Join(module.cache, "prometheus", version+"-"+runtime.GOOS+"-"+runtime.GOARCH)
	flags := "-s -w -X github.com/prometheus/common/version.Version=" + strings.TrimPrefix(version, "v")
	err = module.build(ctx, []buildTarget{{name: "prometheus", version: version, pkg: prometheusModule + "/cmd/prometheus", flags: flags, tags: "remove_all_sd"}}, log)
	return filepath.Join(module.cache, "prometheus"), err
}
