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

// references returns the references of a pod to Secrets. Old is empty for a new pod; for an
// UPDATE of ephemeral containers it is the pod before, and only the references of containers
// that it does not have are returned. Each Secret is there once, where the pod refers to it
// first.
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

// add adds a reference to a Secret, unless the name is empty or there is a reference to it
// already. Path is called only where one is added, because a container often refers to one
// Secret in several variables.
func (f *found) add(secret string, path func() string) {
	if secret != "" && !f.seen[secret] {
		f.seen[secret] = true
		f.references = append(f.references, reference{secret, path()})
	}
}

// containers adds the references of all containers but those whose names are among before.
func (f *found) containers(path string, all, before []container) {
	known := make(map[string]bool, len(before))
	for _, c := range before {
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

// volume adds the references of a volume of any kind. What refers to a Secret is recognised by
// its fields, whatever the kind of the volume is called: a dozen kinds take a Secret, and
// others will.
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
