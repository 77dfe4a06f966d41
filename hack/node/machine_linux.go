package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
)

// missing says why there can be no node on this machine; empty: there can.
func missing() string {
	if os.Geteuid() != 0 {
		return "a node needs root"
	}
	for _, program := range []string{"ip", "mount"} {
		if _, err := exec.LookPath(program); err != nil {
			return "a node needs the program " + program
		}
	}
	if !permitted() {
		return "a node needs the right to make namespaces, which this process does not have"
	}
	if err := tryGroup(); err != nil {
		return "a node needs control groups that it may change: " + err.Error()
	}
	return ""
}

// tryGroup makes a control group and removes it: whether we may depends on the version,
// on who mounted them and on whether we are in a container.
func tryGroup() error {
	name := "dbtether-trial-" + strconv.Itoa(os.Getpid())
	return errors.Join(makeGroup(name), removeGroup(name))
}

// permitted reports whether we may make the namespaces that we need, as root of a
// container often may not: it tries.
func permitted() bool {
	cmd := exec.Command("true")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces}
	return cmd.Run() == nil
}

const cgroups = "/sys/fs/cgroup"

// controllers are those of version 1 that kubelet and runc use, each a hierarchy of
// its own.
var controllers = []string{"cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids", "systemd"}

// unified reports whether control groups are those of version 2.
func unified() bool {
	_, err := os.Stat(filepath.Join(cgroups, "cgroup.controllers"))
	return err == nil
}

// groupFolders returns where the control group of a name is.
func groupFolders(name string) []string {
	if unified() {
		return []string{filepath.Join(cgroups, name)}
	}
	var folders []string
	for _, controller := range controllers {
		folders = append(folders, filepath.Join(cgroups, controller, name))
	}
	return folders
}

// makeGroup makes the control group below which all pods run.
func makeGroup(name string) error {
	if unified() {
		// What the groups below shall limit has to be allowed from the top down.
		if err := os.WriteFile(filepath.Join(cgroups, "cgroup.subtree_control"), []byte("+cpu +cpuset +memory +pids +io"), 0); err != nil {
			return err
		}
	}
	for _, folder := range groupFolders(name) {
		if err := os.Mkdir(folder, 0o755); err != nil {
			return err
		}
	}
	if unified() {
		return nil
	}
	// An empty cpuset takes no process.
	for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
		text, err := os.ReadFile(filepath.Join(cgroups, "cpuset", file))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(cgroups, "cpuset", name, file), bytes.TrimSpace(text), 0); err != nil {
			return err
		}
	}
	return nil
}

// removeGroup removes a control group that has no process left, with all below it.
func removeGroup(name string) error {
	folders := groupFolders(name)
	if !unified() {
		// runc makes one here, too, where version 2 is mounted beside version 1.
		folders = append(folders, filepath.Join(cgroups, "unified", name))
	}
	for _, folder := range folders {
		var below []string
		err := filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
			if err == nil && entry.IsDir() {
				below = append(below, path)
			}
			return err
		})
		if err != nil && !os.IsNotExist(err) {
			return err
		}
		slices.Reverse(below)
		for _, path := range below {
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	return nil
}

// removeAbandonedGroups removes those whose workspace is gone: what a killed node left.
func removeAbandonedGroups(workspaces string) {
	folders, _ := filepath.Glob(groupFolders(workspacePrefix)[0] + "*")
	for _, folder := range folders {
		name := filepath.Base(folder)
		if _, err := os.Stat(filepath.Join(workspaces, name)); os.IsNotExist(err) {
			_ = removeGroup(name) // one that is in use stays
		}
	}
}

// workspacePrefix is what the names of our workspaces begin with.
const workspacePrefix = "dbtether-testenv-node-"
