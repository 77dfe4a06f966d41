package inject

import "slices"

// container is what injection needs to know of a container.
type container struct {
	name   string
	env    []environment // nil: the container has no such array
	mounts []string      // paths; nil: the container has no such array
	user   account
	own    *ownRefs // nil: none
}

// ownRefs are the references to Secrets that a container has of its own, in forms that a
// rotation does not reach.
type ownRefs struct {
	// keyed are the Secrets of which single keys are variables, and from those of which all
	// keys are.
	keyed, from []string
	// subPaths are the volumes of which it mounts a part, whose files the kubelet does not
	// replace. They may have a Secret.
	subPaths []string
}

// account is the user as whom a container runs, as far as the pod or the container says so.
type account byte

const (
	accountUnknown account = iota // the image decides
	accountRoot
	accountOther
	accountAny // the image decides, whatever the pod says
)

// environment is a variable that a container has.
type environment struct {
	name, value string
	// computed means that the value is not known before the container starts.
	computed bool
}

func readContainers(s *scanner) []container {
	if !s.array("a list of containers") {
		return nil
	}
	containers := make([]container, 0, 4)
	for s.more() {
		if s.peek() == 'n' {
			s.fail("a container", "an object") // null takes no patch
		}
		containers = append(containers, readContainer(s))
	}
	return containers
}

func readContainer(s *scanner) (c container) {
	if !s.object("a container") {
		return c
	}
	var own ownRefs
	for s.more() {
		switch s.key() {
		case "name":
			c.name = s.string("a container's name")
		case "env":
			c.env, own.keyed = readEnvironment(s)
		case "envFrom":
			own.from = readEnvFrom(s)
		case "volumeMounts":
			c.mounts, own.subPaths = readMounts(s)
		case "securityContext":
			c.user, _ = readSecurity(s, "a container's securityContext")
		default:
			s.skip()
		}
	}
	if own.keyed != nil || own.from != nil || own.subPaths != nil {
		c.own = &ownRefs{own.keyed, own.from, own.subPaths}
	}
	return c
}

// readSecurity reads as whom a pod or a container runs, and whether the files of its
// volumes are a group's.
func readSecurity(s *scanner, field string) (user account, fsGroup bool) {
	if !s.object(field) {
		return accountUnknown, false
	}
	nonRoot := accountUnknown
	for s.more() {
		switch s.key() {
		case "runAsUser":
			switch s.literalText() {
			case "null":
				user = accountUnknown
			case "0":
				user = accountRoot
			default:
				user = accountOther
			}
		case "runAsNonRoot":
			switch s.literalText() {
			case "true":
				nonRoot = accountOther
			case "false":
				nonRoot = accountAny
			default:
				nonRoot = accountUnknown
			}
		case "fsGroup":
			fsGroup = s.present()
		default:
			s.skip()
		}
	}
	if user == accountUnknown {
		user = nonRoot
	}
	return user, fsGroup
}

// readEnvironment returns the variables, and the Secrets that they have keys of, each once.
func readEnvironment(s *scanner) (env []environment, secrets []string) {
	if !s.array("a container's env") {
		return nil, nil
	}
	// Most pods' variables fit on the stack until it is known how many there are.
	var few [32]environment
	read := few[:0]
	for s.more() {
		var e environment
		if s.object("a container's env[]") {
			for s.more() {
				switch s.key() {
				case "name":
					e.name = s.string("a variable's name")
				case "value":
					e.value = s.string("a variable's value")
				case "valueFrom":
					e.computed = s.peek() != 'n'
					if name := readReference(s, "a variable's valueFrom", "secretKeyRef"); name != "" && !slices.Contains(secrets, name) {
						secrets = append(secrets, name)
					}
				default:
					s.skip()
				}
			}
		}
		read = append(read, e)
	}
	env = make([]environment, len(read))
	copy(env, read)
	return env, secrets
}

// readEnvFrom returns the Secrets of an envFrom.
func readEnvFrom(s *scanner) (secrets []string) {
	if !s.array("a container's envFrom") {
		return nil
	}
	for s.more() {
		if secret := readReference(s, "a container's envFrom[]", "secretRef"); secret != "" {
			secrets = append(secrets, secret)
		}
	}
	return secrets
}

// readReference returns the name in a member of an object, {"member": {"name": …}}; empty
// where it has none.
func readReference(s *scanner, field, member string) (name string) {
	if !s.object(field) {
		return ""
	}
	for s.more() {
		if s.key() == member {
			name = readName(s, field, "name")
		} else {
			s.skip()
		}
	}
	return name
}

// readName returns the text of a member of an object; empty where it has none.
func readName(s *scanner, field, member string) (name string) {
	if !s.object(field) {
		return ""
	}
	for s.more() {
		if s.key() == member {
			name = s.string(field)
		} else {
			s.skip()
		}
	}
	return name
}

// readMounts returns the paths of all mounts, and the volumes of those with a subPath.
func readMounts(s *scanner) (mounts, subPaths []string) {
	if !s.array("a container's volumeMounts") {
		return nil, nil
	}
	mounts = make([]string, 0, 8)
	for s.more() {
		var path, name string
		var sub bool
		if s.object("a container's volumeMounts[]") {
			for s.more() {
				switch s.key() {
				case "mountPath":
					path = s.string("a mountPath")
				case "name":
					name = s.string("a mount's name")
				case "subPath", "subPathExpr":
					sub = s.string("a mount's subPath") != "" || sub
				default:
					s.skip()
				}
			}
		}
		if sub {
			subPaths = append(subPaths, name)
		}
		mounts = append(mounts, path)
	}
	return mounts, subPaths
}
