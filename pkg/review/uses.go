package review

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	kjson "sigs.k8s.io/json"
)

// The ways in which a pod refers to a Secret.
const (
	UseEnv     = "env"     // a variable has one of its keys
	UseEnvFrom = "envFrom" // each of its keys is a variable
	UseFiles   = "files"   // a container has its keys as files
	UseVolume  = "volume"  // a volume has its keys, which no container mounts
	UseDriver  = "driver"  // the driver of a volume reads it
	UsePull    = "pull"    // the kubelet pulls images with it
)

// Use is one place of a pod that refers to a Secret.
type Use struct {
	Secret string
	// Way is one of the ways above.
	Way string
	// Container is the name of the container that refers to it, and Kind is as in Container;
	// both are empty where the pod itself refers to it.
	Container, Kind string
	// Variable is the name of a variable, or of envFrom what the names begin with.
	Variable string
	// Volume is the name of the volume that has it, and Path where that is mounted.
	Volume, Path string
	// Fixed says that the kubelet does not replace the files: a mount of a subPath.
	Fixed bool
	// Keys are the keys that the pod names; none where it takes all of them, or leaves the
	// choice to a driver.
	Keys []string
	// Optional says that a pod starts without the Secret, and without the keys.
	Optional bool
}

// Uses returns the places of a pod, given as JSON, that refer to Secrets: those of its
// containers in the order of Containers, then those of volumes, by name, that no container
// has as files, then those that images are pulled with. It does no I/O.
func Uses(pod []byte) ([]Use, error) {
	decoded, err := readUsingPod(pod)
	if err != nil {
		return nil, err
	}
	var all []Use
	for _, c := range decoded.containers() {
		all = append(all, c.uses...)
	}
	all = append(all, decoded.idle()...)
	for _, pull := range decoded.Spec.ImagePullSecrets {
		if pull.Name != "" {
			all = append(all, Use{Secret: pull.Name, Way: UsePull})
		}
	}
	return all, nil
}

// usingPod is what is read of a pod to find its uses.
type usingPod struct {
	Spec struct {
		InitContainers      []usingContainer             `json:"initContainers"`
		Containers          []usingContainer             `json:"containers"`
		EphemeralContainers []usingContainer             `json:"ephemeralContainers"`
		Volumes             []map[string]json.RawMessage `json:"volumes"`
		ImagePullSecrets    []secretRef                  `json:"imagePullSecrets"`
	} `json:"spec"`

	// volumes are the uses of each volume, by its name.
	volumes map[string][]Use
}

func readUsingPod(text []byte) (*usingPod, error) {
	pod := &usingPod{volumes: map[string][]Use{}}
	if err := kjson.UnmarshalCaseSensitivePreserveInts(text, pod); err != nil {
		return nil, fmt.Errorf("decode pod: %w", err)
	}
	for _, volume := range pod.Spec.Volumes {
		name, uses := readVolume(volume)
		pod.volumes[name] = uses
	}
	return pod, nil
}

// containerUses is a container with its uses.
type containerUses struct {
	name, kind string
	uses       []Use
}

func (p *usingPod) containers() (all []containerUses) {
	for _, list := range []struct {
		kind       string
		containers []usingContainer
	}{{"init", p.Spec.InitContainers}, {"", p.Spec.Containers}, {"ephemeral", p.Spec.EphemeralContainers}} {
		for _, c := range list.containers {
			uses := c.uses(p.volumes)
			for i := range uses {
				uses[i].Container, uses[i].Kind = c.Name, list.kind
			}
			all = append(all, containerUses{c.Name, list.kind, uses})
		}
	}
	return all
}

// idle returns the uses of volumes that no container has as files.
func (p *usingPod) idle() (all []Use) {
	mounted := map[string]bool{}
	for _, list := range [][]usingContainer{p.Spec.InitContainers, p.Spec.Containers, p.Spec.EphemeralContainers} {
		for _, c := range list {
			for _, mount := range c.VolumeMounts {
				mounted[mount.Name] = true
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.volumes)) {
		for _, use := range p.volumes[name] {
			if use.Way == UseDriver || !mounted[name] {
				all = append(all, use)
			}
		}
	}
	return all
}

type usingContainer struct {
	Name string `json:"name"`
	Env  []struct {
		Name      string `json:"name"`
		ValueFrom struct {
			SecretKeyRef struct {
				Name     string `json:"name"`
				Key      string `json:"key"`
				Optional bool   `json:"optional"`
			} `json:"secretKeyRef"`
		} `json:"valueFrom"`
	} `json:"env"`
	EnvFrom []struct {
		Prefix    string `json:"prefix"`
		SecretRef struct {
			Name     string `json:"name"`
			Optional bool   `json:"optional"`
		} `json:"secretRef"`
	} `json:"envFrom"`
	VolumeMounts []volumeMount `json:"volumeMounts"`
}

type volumeMount struct {
	Name        string `json:"name"`
	MountPath   string `json:"mountPath"`
	SubPath     string `json:"subPath"`
	SubPathExpr string `json:"subPathExpr"`
}

func (c usingContainer) uses(volumes map[string][]Use) (all []Use) {
	for _, variable := range c.Env {
		if ref := variable.ValueFrom.SecretKeyRef; ref.Name != "" {
			all = append(all, Use{Secret: ref.Name, Way: UseEnv, Variable: variable.Name, Keys: []string{ref.Key}, Optional: ref.Optional})
		}
	}
	for _, source := range c.EnvFrom {
		if ref := source.SecretRef; ref.Name != "" {
			all = append(all, Use{Secret: ref.Name, Way: UseEnvFrom, Variable: source.Prefix, Optional: ref.Optional})
		}
	}
	for _, mount := range c.VolumeMounts {
		for _, use := range volumes[mount.Name] {
			if use.Way != UseDriver {
				all = append(all, mount.of(use))
			}
		}
	}
	return all
}

// of returns the use of a volume where it is mounted. A subPath of a volume with all keys
// is the key of that name.
func (m volumeMount) of(use Use) Use {
	use.Way, use.Path = UseFiles, m.MountPath
	use.Fixed = m.SubPath != "" || m.SubPathExpr != ""
	if file, _, _ := strings.Cut(m.SubPath, "/"); file != "" && len(use.Keys) == 0 {
		use.Keys = []string{file}
	}
	return use
}

// keyFiles is what is read of a source whose keys are files.
type keyFiles struct {
	Name  string `json:"name"`
	Items []struct {
		Key string `json:"key"`
	} `json:"items"`
	Optional bool `json:"optional"`
}

// filesSource is what is read of a volume in addition to volumeSource.
type filesSource struct {
	keyFiles // of a Secret
	Sources  []struct {
		Secret keyFiles `json:"secret"`
	} `json:"sources"` // projected
}

// readVolume returns the name of a volume, and the uses of Secrets in it, recognised as in
// found.volume.
func readVolume(volume map[string]json.RawMessage) (name string, uses []Use) {
	_ = kjson.UnmarshalCaseSensitivePreserveInts(volume["name"], &name)
	driver := func(secret string) {
		if secret != "" && !slices.ContainsFunc(uses, func(u Use) bool { return u.Way == UseDriver && u.Secret == secret }) {
			uses = append(uses, Use{Secret: secret, Way: UseDriver, Volume: name})
		}
	}
	files := func(f keyFiles) {
		if f.Name == "" {
			return
		}
		use := Use{Secret: f.Name, Way: UseVolume, Volume: name, Optional: f.Optional}
		for _, item := range f.Items {
			use.Keys = append(use.Keys, item.Key)
		}
		uses = append(uses, use)
	}
	for _, kind := range slices.Sorted(maps.Keys(volume)) {
		var source volumeSource
		if kind == "name" || kjson.UnmarshalCaseSensitivePreserveInts(volume[kind], &source) != nil {
			continue // it has one of these fields with another meaning
		}
		driver(source.SecretRef.Name)
		driver(source.NodePublishSecretRef.Name)
		var detail filesSource
		_ = kjson.UnmarshalCaseSensitivePreserveInts(volume[kind], &detail) // a field with another meaning stays empty
		if detail.Name = source.SecretName; kind == "secret" {
			files(detail.keyFiles)
		} else {
			driver(source.SecretName)
		}
		for _, projected := range detail.Sources {
			files(projected.Secret)
		}
	}
	return name, uses
}
