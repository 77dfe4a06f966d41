package inject

import (
	"slices"
	"strings"
)

// fixes reports whether a container refers by itself to a Secret, or to a revision of it, in
// a form that a rotation does not reach: as variables, or as files by a subPath.
func (p *Pod) fixes(secret string) bool {
	is := func(name string) bool {
		rest, found := strings.CutPrefix(name, secret)
		return found && (rest == "" || strings.HasPrefix(rest, ".v"))
	}
	for _, containers := range [][]container{p.initContainers, p.containers} {
		for n := range containers {
			c := &containers[n]
			if c.own == nil {
				continue
			}
			if slices.ContainsFunc(c.own.keyed, is) || slices.ContainsFunc(c.own.from, is) {
				return true
			}
			for _, name := range c.own.subPaths {
				if slices.ContainsFunc(p.volumes, func(v volume) bool { return v.name == name && v.has(is) }) {
					return true
				}
			}
		}
	}
	return false
}

// has reports whether a volume has keys of a Secret; is reports whether a name is that of it.
func (v volume) has(is func(name string) bool) bool {
	return v.secret != "" && is(v.secret) || v.own != nil && (v.own.direct != "" && is(v.own.direct) || slices.ContainsFunc(v.own.parts, is))
}
