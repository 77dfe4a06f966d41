package main

import (
	"fmt"
	"slices"
	"strings"
)

// allPlatforms are what a release is for.
const allPlatforms = "linux/amd64,linux/arm64,darwin/amd64,darwin/arm64,windows/amd64"

// platform is a GOOS and a GOARCH, which are also krew's names.
type platform struct{ OS, Arch string }

func (p platform) String() string { return p.OS + "/" + p.Arch }

// Program returns the name of the executable.
func (p platform) Program() string {
	if p.OS == "windows" {
		return "kubectl-dbtether.exe"
	}
	return "kubectl-dbtether"
}

// archive returns the name of the archive for a version.
func (p platform) archive(version string) string {
	extension := ".tar.gz"
	if p.OS == "windows" {
		extension = ".zip"
	}
	return p.named("kubectl-dbtether", version) + extension
}

// named returns the name, without an extension, of what is of a version and for the
// platform.
func (p platform) named(name, version string) string {
	return name + "_" + version + "_" + p.OS + "_" + p.Arch
}

// parsePlatforms reads a comma-separated list. It returns those of allPlatforms
// only, in their order, each once.
func parsePlatforms(list string) ([]platform, error) {
	asked := strings.Split(list, ",")
	var platforms []platform
	for _, name := range strings.Split(allPlatforms, ",") {
		if slices.Contains(asked, name) {
			system, arch, _ := strings.Cut(name, "/")
			platforms = append(platforms, platform{system, arch})
		}
	}
	for _, name := range asked {
		if !slices.ContainsFunc(platforms, func(p platform) bool { return p.String() == name }) {
			return nil, fmt.Errorf("--platforms %q: not one of %s", name, allPlatforms)
		}
	}
	return platforms, nil
}
