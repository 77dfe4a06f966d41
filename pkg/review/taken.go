package review

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	kjson "sigs.k8s.io/json"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// Container is a container of a pod, and what it takes of Secrets.
type Container struct {
	Name string
	// Kind is init or ephemeral; empty for the others.
	Kind string
	// Taken has an entry for each Secret, in the order in which the container refers to them.
	Taken []Taken
}

// Taken is what a container takes of a Secret.
type Taken struct {
	Secret string
	// Variables are the names of those that have one of its keys, in the order of the pod.
	Variables []string
	// All says that each of its keys is a variable: envFrom.
	All bool
	// Mounts are where its keys are files.
	Mounts []string
	// Fixed are those of Mounts that the kubelet does not replace when the Secret
	// changes: mounts of a subPath.
	Fixed []string
}

// InEnvironment reports whether the container has some of the Secret in its environment.
func (t Taken) InEnvironment() bool { return t.All || len(t.Variables) > 0 }

// Of returns what the container takes of one of the Secrets; false if nothing.
func (c Container) Of(secrets ...string) (Taken, bool) {
	for _, t := range c.Taken {
		if slices.Contains(secrets, v1alpha1.LiveSecret(t.Secret)) {
			return t, true
		}
	}
	return Taken{}, false
}

// Containers returns what each container of a pod, given as JSON, takes of Secrets: init
// containers first, then the others, then ephemeral ones. Beside that it returns the
// Secrets, each once, of volumes that no container has as files: of those that nobody
// mounts, and of those whose driver reads the Secret. No value is in a pod, so none is
// returned.
func Containers(pod []byte) (containers []Container, others []string, err error) {
	var decoded takingPod
	if err := kjson.UnmarshalCaseSensitivePreserveInts(pod, &decoded); err != nil {
		return nil, nil, fmt.Errorf("decode pod: %w", err)
	}
	spec := decoded.Spec
	volumes, mounted := map[string]filesOf{}, map[string]bool{}
	for _, volume := range spec.Volumes {
		name, files := readFiles(volume)
		volumes[name] = files
	}
	for _, list := range []struct {
		kind       string
		containers []takingContainer
	}{{"init", spec.InitContainers}, {"", spec.Containers}, {"ephemeral", spec.EphemeralContainers}} {
		for _, c := range list.containers {
			containers = append(containers, c.taken(list.kind, volumes, mounted))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(volumes)) {
		files := volumes[name]
		unread := files.driver
		if !mounted[name] {
			unread = append(unread, files.secrets...)
		}
		for _, secret := range unread {
			if !slices.Contains(others, secret) {
				others = append(others, secret)
			}
		}
	}
	return containers, others, nil
}

// takingPod is what is read of a pod to find what its containers take.
type takingPod struct {
	Spec struct {
		InitContainers      []takingContainer            `json:"initContainers"`
		Containers          []takingContainer            `json:"containers"`
		EphemeralContainers []takingContainer            `json:"ephemeralContainers"`
		Volumes             []map[string]json.RawMessage `json:"volumes"`
	} `json:"spec"`
}

type takingContainer struct {
	Name string `json:"name"`
	Env  []struct {
		Name      string `json:"name"`
		ValueFrom struct {
			SecretKeyRef secretRef `json:"secretKeyRef"`
		} `json:"valueFrom"`
	} `json:"env"`
	EnvFrom []struct {
		SecretRef secretRef `json:"secretRef"`
	} `json:"envFrom"`
	VolumeMounts []struct {
		Name        string `json:"name"`
		MountPath   string `json:"mountPath"`
		SubPath     string `json:"subPath"`
		SubPathExpr string `json:"subPathExpr"`
	} `json:"volumeMounts"`
}

// taken returns what the container takes, and adds the volumes that it mounts to mounted.
func (c takingContainer) taken(kind string, volumes map[string]filesOf, mounted map[string]bool) Container {
	result := Container{Name: c.Name, Kind: kind}
	of := func(secret string) *Taken {
		at := slices.IndexFunc(result.Taken, func(t Taken) bool { return t.Secret == secret })
		if at < 0 {
			at = len(result.Taken)
			result.Taken = append(result.Taken, Taken{Secret: secret})
		}
		return &result.Taken[at]
	}
	for _, variable := range c.Env {
		if secret := variable.ValueFrom.SecretKeyRef.Name; secret != "" {
			of(secret).Variables = append(of(secret).Variables, variable.Name)
		}
	}
	for _, source := range c.EnvFrom {
		if secret := source.SecretRef.Name; secret != "" {
			of(secret).All = true
		}
	}
	for _, mount := range c.VolumeMounts {
		mounted[mount.Name] = true
		for _, secret := range volumes[mount.Name].secrets {
			t := of(secret)
			t.Mounts = append(t.Mounts, mount.MountPath)
			if mount.SubPath != "" || mount.SubPathExpr != "" {
				t.Fixed = append(t.Fixed, mount.MountPath)
			}
		}
	}
	return result
}

// filesOf is what a volume has to do with Secrets: those whose keys are its files, and
// those that its driver reads.
type filesOf struct{ secrets, driver []string }

func readFiles(volume map[string]json.RawMessage) (name string, files filesOf) {
	_ = kjson.UnmarshalCaseSensitivePreserveInts(volume["name"], &name)
	add := func(list *[]string, secret string) {
		if secret != "" && !slices.Contains(*list, secret) { // further files are a second source
			*list = append(*list, secret)
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(volume)) {
		var source volumeSource
		if kind == "name" || kjson.UnmarshalCaseSensitivePreserveInts(volume[kind], &source) != nil {
			continue // it has one of these fields with another meaning
		}
		if kind == "secret" {
			add(&files.secrets, source.SecretName)
		} else {
			add(&files.driver, source.SecretName)
		}
		add(&files.driver, source.SecretRef.Name)
		add(&files.driver, source.NodePublishSecretRef.Name)
		for _, projected := range source.Sources {
			add(&files.secrets, projected.Secret.Name)
		}
	}
	return name, files
}
