package inject

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strconv"
	"strings"
)

// volume is what injection needs to know of a volume.
type volume struct {
	name string
	// projection is what it projects, if the volume is written as we would write it; else the
	// zero value.
	projection
	own *secrets // nil: it has no Secret, or only that of the projection
}

// secrets are the Secrets of a volume that is not written as we would write it.
type secrets struct {
	// direct is the Secret of a volume of the kind secret, and parts are those that a projected
	// volume has keys of.
	direct string
	parts  []string
}

func readVolumes(s *scanner) []volume {
	if !s.array("spec.volumes") {
		return nil
	}
	volumes := make([]volume, 0, 8)
	for s.more() {
		var v volume
		var own secrets
		if s.object("spec.volumes[]") {
			for s.more() {
				switch s.key() {
				case "name":
					v.name = s.string("a volume's name")
				case "projected":
					v.projection, own.parts = readProjected(s)
				case "secret":
					own.direct = readName(s, "a volume's secret", "secretName")
				default:
					s.skip()
				}
			}
		}
		if own.direct != "" || own.parts != nil {
			v.own = &secrets{own.direct, own.parts}
		}
		volumes = append(volumes, v)
	}
	return volumes
}

// projection is what a volume of ours projects: all keys of a Secret, and further files with
// keys of it.
type projection struct {
	secret string
	// items are the further files, as "name=key" in their order, separated by commas.
	items    string
	optional bool
}

// each returns the items.
func (p projection) each() []string { return strings.Split(p.items, ",") }

// appendSource appends the name of the Secret that a source projects, and whether it is
// optional.
func (p projection) appendSource(text []byte) []byte {
	text = appendString(append(text, `"name":`...), p.secret)
	if p.optional {
		text = append(text, `,"optional":true`...)
	}
	return text
}

// projection returns what the volume of a binding projects.
func (a *Ask) projection(b Binding) projection {
	wanted := projection{secret: b.Secret, optional: a.Optional}
	for _, file := range a.Files {
		if file.Alias != b.Alias {
			continue
		}
		if wanted.items != "" {
			wanted.items += ","
		}
		wanted.items += file.Name + "=" + file.Key
	}
	return wanted
}

// readProjected returns the projection of a volume that is written as we write it, but for the
// defaultMode, which the API server adds. For any other volume it returns the zero value, and
// in parts all Secrets that the volume projects keys of.
func readProjected(s *scanner) (p projection, parts []string) {
	if !s.object("a volume's projected") {
		return projection{}, nil
	}
	alone, ours := true, false
	for s.more() {
		switch s.key() {
		case "sources":
			p, parts, ours = readSources(s)
		case "defaultMode":
			s.skip()
		default:
			alone = !s.present() && alone
		}
	}
	if !alone || !ours {
		return projection{}, parts
	}
	return p, nil
}

// readSources reads the sources of a projected volume. They are ours if there is one source with
// a whole Secret and, perhaps, a second one with keys of the same Secret.
func readSources(s *scanner) (p projection, parts []string, ours bool) {
	if !s.array("a projected volume's sources") {
		return p, nil, false
	}
	n := 0
	ours = true
	for ; s.more(); n++ {
		one, ok := readSource(s)
		if one.secret != "" {
			parts = append(parts, one.secret)
		}
		switch n {
		case 0:
			p = one
			ours = ok && one.items == ""
		case 1:
			ours = ours && ok && one.items != "" && one.secret == p.secret && one.optional == p.optional
			p.items = one.items
		default:
			ours = false
		}
	}
	return p, parts, ours && n > 0
}

// readSource reads a source. It is ours if it is a Secret and nothing else.
func readSource(s *scanner) (p projection, ours bool) {
	if !s.object("a projected volume's sources[]") {
		return p, false
	}
	alone, ours := true, false
	for s.more() {
		if s.key() == "secret" {
			p, ours = readSecret(s)
		} else {
			alone = !s.present() && alone
		}
	}
	return p, alone && ours
}

func readSecret(s *scanner) (p projection, ours bool) {
	if !s.object("a projected volume's secret") {
		return p, false
	}
	alone, known := true, true
	for s.more() {
		switch s.key() {
		case "name":
			p.secret = s.string("a projected Secret's name")
		case "optional":
			p.optional = s.true()
		case "items":
			p.items, known = readItems(s)
		default:
			alone = !s.present() && alone
		}
	}
	return p, alone && known && p.secret != ""
}

// readItems reads which keys of a Secret are files of which names. They are ours if each item
// has a key and a path and nothing else.
func readItems(s *scanner) (items string, ours bool) {
	if !s.array("a projected Secret's items") {
		return "", true // as if there were none
	}
	ours = true
	for s.more() {
		var name, key string
		if !s.object("a projected Secret's items[]") {
			ours = false
			continue
		}
		for s.more() {
			switch s.key() {
			case "key":
				key = s.string("the key of a projected Secret's item")
			case "path":
				name = s.string("the path of a projected Secret's item")
			default:
				ours = !s.present() && ours
			}
		}
		if items != "" {
			items += ","
		}
		items += name + "=" + key
	}
	return items, ours && items != "" // an empty list projects nothing
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
