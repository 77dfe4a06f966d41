package install

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

func TestRolledOut(t *testing.T) {
	for _, c := range []struct{ deployment, want string }{
		{"{metadata: {generation: 2}, spec: {replicas: 2}, status: {observedGeneration: 1, replicas: 2, updatedReplicas: 2, availableReplicas: 2}}", "no controller has seen it since it was written"},
		{"{metadata: {generation: 2}, spec: {replicas: 2}, status: {observedGeneration: 2, replicas: 3, updatedReplicas: 1, availableReplicas: 2}}", "1 of 2 replicas are of this version"},
		{"{spec: {replicas: 2}, status: {replicas: 2, updatedReplicas: 2, availableReplicas: 1}}", "1 of 2 replicas are ready"},
		{"{spec: {replicas: 2}, status: {replicas: 3, updatedReplicas: 2, availableReplicas: 3}}", "1 replicas of the version before are still there"},
		{"{spec: {replicas: 2}, status: {conditions: [{type: ReplicaFailure, status: 'True', message: exceeded quota}]}}", "0 of 2 replicas are of this version; exceeded quota"},
		{"{spec: {}, status: {replicas: 1, updatedReplicas: 1, availableReplicas: 1}}", ""},
	} {
		d := new(appsv1.Deployment)
		if err := yaml.Unmarshal([]byte(c.deployment), d); err != nil {
			t.Fatal(err)
		}
		if done, missing := RolledOut(d); missing != c.want || done != (c.want == "") {
			t.Errorf("%s: %v, %q, want %q", c.deployment, done, missing, c.want)
		}
	}
}

func TestStuck(t *testing.T) {
	for _, c := range []struct{ pod, want string }{
		{"{}", ""},
		{"{status: {containerStatuses: [{state: {waiting: {reason: ContainerCreating}}}]}}", ""},
		{"{status: {containerStatuses: [{state: {waiting: {reason: ImagePullBackOff, message: not found}}}]}}", "ImagePullBackOff: not found"},
		{"{status: {conditions: [{type: PodScheduled, status: 'False', message: no node is free}]}}", "no node is free"},
		{"{status: {containerStatuses: [{state: {waiting: {reason: CrashLoopBackOff}}, lastState: {terminated: {reason: Error, exitCode: 1}}}]}}", "CrashLoopBackOff; Error, exit code 1"},
	} {
		pod := new(corev1.Pod)
		if err := yaml.Unmarshal([]byte(c.pod), pod); err != nil {
			t.Fatal(err)
		}
		if got := Stuck(pod); got != c.want {
			t.Errorf("%s: %q, want %q", c.pod, got, c.want)
		}
	}
}
