package inject

import (
	"encoding/json"
	"errors"
	"fmt"
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
