package main

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// releasePage and a version make the folder that holds the version's archives.
const releasePage = "https://github.com/dbtether/kubectl-dbtether/releases/download/"

// semantic is a version of semver.org with krew's v before it and without build
// metadata, whose plus sign means a space in some URLs.
var semantic = regexp.MustCompile(`^v` + number + `\.` + number + `\.` + number + `(-` + identifier + `(\.` + identifier + `)*)?$`)

const (
	number     = `(0|[1-9][0-9]*)`
	identifier = `(0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)`
)

func checkVersion(version string) error {
	if !semantic.MatchString(version) {
		return fmt.Errorf("--version %q: not a semantic version with a v before it, such as v0.1.0", version)
	}
	return nil
}

func checkBaseURI(base string) error {
	parsed, err := url.Parse(base)
	if err != nil {
		return fmt.Errorf("--base-uri: %w", err)
	}
	if parsed.Scheme != "https" && parsed.Scheme != "http" || parsed.Host == "" || parsed.RawQuery != "" || parsed.Fragment != "" {
		return fmt.Errorf("--base-uri %q: not an http or https URI without query and fragment", base)
	}
	// It goes into YAML as it is.
	if parsed.String() != base || strings.ContainsAny(base, " '\"{}[]|<>\\^`") {
		return fmt.Errorf("--base-uri %q: has characters that must be escaped in a URI", base)
	}
	return nil
}
