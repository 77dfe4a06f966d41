package review

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	kjson "sigs.k8s.io/json"
)

// reference is one place of a pod that gives it what a Secret holds.
type reference struct {
	secret string
	path   string
}

// container is what is read of a container of any kind.
type container struct {
	Name string `json:"name"`
	Env  []struct {
		ValueFrom struct {
			SecretKeyRef secretRef `json:"secretKeyRef"`
		} `json:"valueFrom"`
	} `json:"env"`
	EnvFrom []struct {
		SecretRef secretRef `json:"secretRef"`
	} `json:"envFrom"`
}

type secretRef struct {
	Name string `json:"name"`
}

// secretPod is what is read of a pod to find its references. imagePullSecrets are not:
// no container sees them.
type secretPod struct {
	Spec struct {
		InitContainers      []container                  `json:"initContainers"`
		Containers          []container                  `json:"containers"`
		EphemeralContainers []container                  `json:"ephemeralContainers"`
		Volumes             []map[string]json.RawMessage `json:"volumes"`
	} `json:"spec"`
}

// references returns the references of a pod, or of what follows its old self: of an
// UPDATE of its ephemeral containers only those of new ones. Old is empty for a new pod.
// Each Secret is there once, where it is referred to first.
func references(object, old []byte) ([]reference, error) {
	pod, err := readSecretPod(object)
	if err != nil {
		return nil, err
	}
	found := found{seen: map[string]bool{}}
	if len(old) > 0 {
		before, err := readSecretPod(old)
		if err != nil {
			return nil, err
		}
		found.containers("spec.ephemeralContainers", pod.Spec.EphemeralContainers, before.Spec.EphemeralContainers)
		return found.references, nil
	}
	found.containers("spec.initContainers", pod.Spec.InitContainers, nil)
	found.containers("spec.containers", pod.Spec.Containers, nil)
	found.containers("spec.ephemeralContainers", pod.Spec.EphemeralContainers, nil)
	for i, volume := range pod.Spec.Volumes {
		found.volume(i, volume)
	}
	return found.references, nil
}

func readSecretPod(object []byte) (*secretPod, error) {
	if len(object) == 0 {
		return nil, errors.New("decode pod: there is no object")
	}
	pod := new(secretPod)
	if err := kjson.UnmarshalCaseSensitivePreserveInts(object, pod); err != nil {
		return nil, fmt.Errorf("decode pod: %w", err)
	}
	return pod, nil
}

// found collects references.
type found struct {
	references []reference
	seen       map[string]bool // Secrets
}

// add adds a reference, unless there is none or the Secret has one already. The path is
// written only then: a container often has a variable for each key.
func (f *found) add(secret string, path func() string) {
	if secret != "" && !f.seen[secret] {
		f.seen[secret] = true
		f.references = append(f.references, reference{secret, path()})
	}
}

// containers adds what containers refer to, but for those that are among others by name.
func (f *found) containers(path string, all, others []container) {
	known := make(map[string]bool, len(others))
	for _, c := range others {
		known[c.Name] = true
	}
	for i, c := range all {
		if known[c.Name] {
			continue
		}
		for j, variable := range c.Env {
			f.add(variable.ValueFrom.SecretKeyRef.Name, func() string { return fmt.Sprintf("%s[%d].env[%d]", path, i, j) })
		}
		for j, source := range c.EnvFrom {
			f.add(source.SecretRef.Name, func() string { return fmt.Sprintf("%s[%d].envFrom[%d]", path, i, j) })
		}
	}
}

// volumeSource is what is read of a volume of any kind.
type volumeSource struct {
	SecretName           string    `json:"secretName"`           // secret, azureFile
	SecretRef            secretRef `json:"secretRef"`            // flexVolume, cephfs, iscsi, …
	NodePublishSecretRef secretRef `json:"nodePublishSecretRef"` // csi
	Sources              []struct {
		Secret secretRef `json:"secret"`
	} `json:"sources"` // projected
}

// volume adds what a volume of any kind refers to. Kinds are told by what they contain,
// not by their names: there are a dozen that take a Secret, and there will be others.
func (f *found) volume(index int, volume map[string]json.RawMessage) {
	path := func() string { return fmt.Sprintf("spec.volumes[%d]", index) }
	for _, kind := range slices.Sorted(maps.Keys(volume)) {
		var source volumeSource
		if kind == "name" || kjson.UnmarshalCaseSensitivePreserveInts(volume[kind], &source) != nil {
			continue // it has one of these fields with another meaning
		}
		f.add(source.SecretName, path)
		f.add(source.SecretRef.Name, path)
		f.add(source.NodePublishSecretRef.Name, path)
		for i, projected := range source.Sources {
			f.add(projected.Secret.Name, func() string { return fmt.Sprintf("%s.%s.sources[%d]", path(), kind, i) })
		}
	}
}
