package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path"

	"github.com/jackc/pgx/v5"
	corev1 "k8s.io/api/core/v1"
)

// logInAsPod does with the stored pod what a kubelet would: it resolves the
// references of the first container, variables and mounted files, and logs in with
// exactly these values.
func (s *show) logInAsPod(name string) {
	if s.err != nil || s.rehearsal {
		return
	}
	var pod corev1.Pod
	if s.err = s.read(&pod, "pod", name); s.err != nil {
		return
	}
	environment, err := s.variables(pod.Spec.Containers[0])
	if err != nil {
		s.err = err
		return
	}
	files, err := s.files(pod)
	if err != nil {
		s.err = err
		return
	}
	config, err := pgx.ParseConfig(fmt.Sprintf("host='%s' port='%s' dbname='%s' user='%s' password='%s' sslmode='%s'", environment["PGHOST"],
		environment["PGPORT"], environment["PGDATABASE"], environment["PGUSER"], environment["PGPASSWORD"], environment["PGSSLMODE"]))
	if err != nil {
		s.err = fmt.Errorf("the pod's variables: %w", err)
		return
	}
	s.connect("the pod's variables", config)
	file := path.Join(environment["SERVICE_BINDING_ROOT"], "orders-api", "uri")
	if s.err == nil && files[file] == "" {
		s.err = fmt.Errorf("the pod has no file %s", file)
		return
	}
	if config, err = pgx.ParseConfig(files[file]); err != nil {
		s.err = fmt.Errorf("the pod's file %s: %w", file, err)
		return
	}
	s.connect("the pod's file "+file, config)
}

func (s *show) connect(with string, config *pgx.ConnConfig) {
	if s.err != nil {
		return
	}
	conn, err := pgx.ConnectConfig(s.ctx, config)
	if err != nil {
		s.err = fmt.Errorf("log in with %s: %w", with, err)
		return
	}
	defer func() { _ = conn.Close(s.ctx) }()
	var session, acts string
	if s.err = conn.QueryRow(s.ctx, "SELECT session_user, current_user").Scan(&session, &acts); s.err == nil {
		fmt.Fprintf(s.screen, "(logged in with %s: as %s, acting as %s)\n", with, session, acts)
	}
}

// variables resolves the environment of a container.
func (s *show) variables(container corev1.Container) (map[string]string, error) {
	values := map[string]string{}
	for _, v := range container.Env {
		values[v.Name] = v.Value
		if v.ValueFrom == nil || v.ValueFrom.SecretKeyRef == nil {
			continue
		}
		var secret corev1.Secret
		if err := s.read(&secret, "secret", v.ValueFrom.SecretKeyRef.Name); err != nil {
			return nil, err
		}
		values[v.Name] = string(secret.Data[v.ValueFrom.SecretKeyRef.Key])
	}
	return values, nil
}

// files resolves the projected Secrets that the first container mounts, by path.
func (s *show) files(pod corev1.Pod) (map[string]string, error) {
	files := map[string]string{}
	for _, mount := range pod.Spec.Containers[0].VolumeMounts {
		for _, volume := range pod.Spec.Volumes {
			if volume.Name != mount.Name || volume.Projected == nil {
				continue
			}
			for _, source := range volume.Projected.Sources {
				if source.Secret == nil {
					continue
				}
				var secret corev1.Secret
				if err := s.read(&secret, "secret", source.Secret.Name); err != nil {
					return nil, err
				}
				for key, value := range secret.Data {
					files[path.Join(mount.MountPath, key)] = string(value)
				}
			}
		}
	}
	return files, nil
}

// read gets an object with kubectl.
func (s *show) read(into any, kind, name string) error {
	var stdout bytes.Buffer
	get := exec.CommandContext(s.ctx, "sh", "-c", "kubectl get "+kind+" "+name+" -o json")
	get.Env, get.Stdout, get.Stderr = s.environment, &stdout, os.Stderr
	if err := get.Run(); err != nil {
		return fmt.Errorf("read %s %s: %w", kind, name, err)
	}
	if err := json.Unmarshal(stdout.Bytes(), into); err != nil {
		return fmt.Errorf("read %s %s: %w", kind, name, err)
	}
	return nil
}
