package inject

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

func readVolumes(s *scanner) []volume {
	if !s.array("spec.volumes") {
		return nil
	}
	volumes := make([]volume, 0, 8)
	for s.more() {
		var v volume
		if s.object("spec.volumes[]") {
			for s.more() {
				switch s.key() {
				case "name":
					v.name = s.string("a volume's name")
				case "projected":
					v.secret = readProjected(s)
				default:
					s.skip()
				}
			}
		}
		volumes = append(volumes, v)
	}
	return volumes
}

// readProjected returns the Secret that is the only source, as we write it; the
// API server adds a defaultMode. Anything more, and the volume is not ours.
func readProjected(s *scanner) string {
	return readOnly(s, "a volume's projected", "sources", readSources, "defaultMode")
}

func readSources(s *scanner) (secret string) {
	if !s.array("a projected volume's sources") {
		return ""
	}
	n := 0
	for ; s.more(); n++ {
		secret = readOnly(s, "a projected volume's sources[]", "secret", readSource)
	}
	if n != 1 {
		return ""
	}
	return secret
}

func readSource(s *scanner) string {
	return readOnly(s, "a projected volume's secret", "name", func(s *scanner) string { return s.string("a projected Secret's name") })
}

// readOnly reads one member of an object; "" if others beside it are set, but for
// those to ignore.
func readOnly(s *scanner, field, key string, read func(*scanner) string, ignore ...string) (value string) {
	if !s.object(field) {
		return ""
	}
	alone := true
	for s.more() {
		switch name := s.key(); {
		case name == key:
			value = read(s)
		case slices.Contains(ignore, name):
			s.skip()
		case s.present():
			alone = false
		}
	}
	if !alone {
		return ""
	}
	return value
}

var notLabel = regexp.MustCompile(`[^a-z0-9-]+`)

// volumeName returns the name for the volume of a binding: dbtether-<binding>, with
// a hash where that is not a label (RFC 1123) of 63 characters, or already the name
// of another volume and this is a further attempt.
func volumeName(binding string, attempt int) string {
	const limit, hashed = 63, 8
	name := "dbtether-" + binding
	if attempt == 0 && len(name) <= limit && !strings.HasSuffix(name, "-") && !notLabel.MatchString(name) {
		return name
	}
	sum := sha256.Sum256([]byte(binding + "/" + strconv.Itoa(attempt)))
	name = notLabel.ReplaceAllString(name, "-")
	name = strings.TrimRight(name[:min(len(name), limit-1-hashed)], "-")
	return name + "-" + hex.EncodeToString(sum[:hashed/2])
}
