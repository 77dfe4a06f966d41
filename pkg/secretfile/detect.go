package secretfile

import (
	"bytes"
	"path"
	"regexp"
	"strings"
)

// Detect returns the format of a file for Read, judged by its name, which may be empty, and by
// its text. The error is a *FileError: neither tells. The format of a broken file may be
// detected all the same; Read then says what is wrong with it.
func Detect(filename string, text []byte) (Format, error) {
	base := strings.ToLower(path.Base(strings.ReplaceAll(filename, `\`, "/")))
	extension := path.Ext(base)
	trimmed := bytes.TrimSpace(bytes.TrimPrefix(text, []byte("\ufeff")))
	switch {
	case extension == ".1pux" || bytes.HasPrefix(text, []byte(zipMagic)):
		return OnePassword, nil
	case extension == ".env":
		return Env, nil
	case extension == ".json" || bytes.HasPrefix(trimmed, []byte("{")) || bytes.HasPrefix(trimmed, []byte("[")):
		return detectJSON(text)
	case versionLine.Match(text) && kindLine.Match(text):
		return Kubernetes, nil
	case extension == ".yaml" || extension == ".yml":
		return YAML, nil
	case strings.HasPrefix(base, ".env."):
		return Env, nil
	}
	if found, err := statements(envLines(trimmed)); err == nil && len(found) > 0 {
		return Env, nil
	}
	return "", &FileError{Format: "file", Why: "its format is not clear", Fix: "say it with --format: " + list(ReadFormats())}
}

// Each manifest has a line of both kinds, also one that is an item of a list.
var (
	versionLine = regexp.MustCompile(`(?m)^(- )?apiVersion:[ \t]+\S`)
	kindLine    = regexp.MustCompile(`(?m)^( {2})?kind:[ \t]+\S`)
)

// detectJSON tells the exports apart by members that only they have.
func detectJSON(text []byte) (Format, error) {
	nodes, err := parseJSON(JSON, text)
	if err != nil {
		return JSON, nil // Read says what is wrong with it
	}
	first := nodes[0]
	if first.is(arrayNode) && len(first.elements) > 0 {
		first = first.elements[0]
	}
	switch {
	case first.textOf("apiVersion") != "" && first.textOf("kind") != "":
		return Kubernetes, nil
	case isOpItem(first):
		return OnePassword, nil
	case first.get("SecretValues").is(arrayNode), first.get("ARN").is(stringNode) && (first.get("SecretString") != nil || first.get("SecretBinary") != nil):
		return AWS, nil
	case first.get("request_id") != nil && first.get("lease_id") != nil && first.get("data") != nil:
		return Vault, nil
	case len(first.members) > 0 && first.members[0].value.get("computed") != nil:
		return Doppler, nil
	}
	return JSON, nil
}
