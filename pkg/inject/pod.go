package inject

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// Pod is what injection needs to know of a pod. Its strings share one copy of the
// JSON text that it was decoded from.
type Pod struct {
	// Name is empty on a pod that the API server has yet to name.
	Name, GenerateName string
	// Labels and Annotations are nil if the pod has none.
	Labels, Annotations map[string]string
	ServiceAccountName  string

	hasMetadata                                     bool
	user                                            account
	fsGroup                                         bool // the files of volumes are a group's
	windows                                         bool
	initContainers, containers, ephemeralContainers []container
	volumes                                         []volume // nil: the pod has no such array
}

type container struct {
	name   string
	env    []environment // nil: the container has no such array
	mounts []string      // paths; nil: the container has no such array
	user   account
	own    *ownRefs // nil: none
}

// ownRefs are those of a container's own to what may be Secrets.
type ownRefs struct {
	// keyed are the Secrets of which it has keys as variables, from those of which it has
	// all, and subPaths the volumes of which it mounts a part, which the kubelet does not
	// replace.
	keyed, from, subPaths []string
}

// account says as whom containers run, as far as a pod or a container says so.
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

type volume struct {
	name string
	// projection is what it projects, if that is what we would; else the zero value.
	projection
	own *secrets // nil: it has none but that of the projection
}

// secrets are those that a volume of the pod's own has.
type secrets struct {
	// direct is the one that it consists of, and parts are those that it projects.
	direct string
	parts  []string
}

// Decode reads a pod from JSON: the object of an admission request, or a manifest.
// Names are case-sensitive, as in the API server, and fields that it does not know
// are passed over. It fails on a text that is not JSON and on a field of the wrong
// type; whether the pod is valid otherwise is the API server's to say.
func Decode(raw []byte) (*Pod, error) {
	if !json.Valid(raw) {
		return nil, errors.New("decode pod: not a JSON text")
	}
	s := &scanner{text: string(raw)}
	var pod *Pod
	if s.peek() == '{' {
		pod = readPod(s)
	} else {
		s.fail("a pod", "an object")
	}
	if s.err != nil {
		return nil, fmt.Errorf("decode pod: %w", s.err)
	}
	return pod, nil
}

func readPod(s *scanner) *Pod {
	pod := &Pod{}
	s.object("a pod")
	for s.more() {
		switch s.key() {
		case "metadata":
			pod.readMetadata(s)
		case "spec":
			pod.readSpec(s)
		default:
			s.skip()
		}
	}
	return pod
}

func (p *Pod) readMetadata(s *scanner) {
	p.Name, p.GenerateName, p.Labels, p.Annotations = "", "", nil, nil // of an earlier duplicate
	if p.hasMetadata = s.object("metadata"); !p.hasMetadata {
		return
	}
	for s.more() {
		switch s.key() {
		case "name":
			p.Name = s.string("metadata.name")
		case "generateName":
			p.GenerateName = s.string("metadata.generateName")
		case "labels":
			p.Labels = s.strings("metadata.labels")
		case "annotations":
			p.Annotations = s.strings("metadata.annotations")
		default:
			s.skip()
		}
	}
}

func (p *Pod) readSpec(s *scanner) {
	p.ServiceAccountName, p.volumes = "", nil // of an earlier duplicate
	p.initContainers, p.containers, p.ephemeralContainers = nil, nil, nil
	p.user, p.fsGroup, p.windows = accountUnknown, false, false
	if !s.object("spec") {
		return
	}
	for s.more() {
		switch s.key() {
		case "serviceAccountName":
			p.ServiceAccountName = s.string("spec.serviceAccountName")
		case "initContainers":
			p.initContainers = readContainers(s)
		case "containers":
			p.containers = readContainers(s)
		case "ephemeralContainers":
			p.ephemeralContainers = readContainers(s)
		case "volumes":
			p.volumes = readVolumes(s)
		case "securityContext":
			p.user, p.fsGroup = readSecurity(s, "spec.securityContext")
		case "os":
			p.windows = readName(s, "spec.os", "name") == "windows"
		default:
			s.skip()
		}
	}
}

func readContainers(s *scanner) []container {
	if !s.array("a list of containers") {
		return nil
	}
	containers := make([]container, 0, 4)
	for s.more() {
		if s.peek() == 'n' {
			s.fail("a container", "an object") // to null nothing can be added
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

// readReference returns the name in one member of an object; empty where it has none.
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

// readName returns one member of an object; empty where it has none.
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
