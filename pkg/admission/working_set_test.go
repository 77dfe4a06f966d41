package admission

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
)

// memoryGroup is a control group that counts the memory of the processes in it, as a
// container's does. A nil group counts nothing.
type memoryGroup struct {
	folder string
	usage  string // the file that has all of it, in bytes
	cache  string // what memory.stat calls the cache that can be dropped
}

// newMemoryGroup returns an empty group that ends with the benchmark; nil where the system
// has none to give, which is said.
func newMemoryGroup(b *testing.B) *memoryGroup {
	b.Helper()
	const root = "/sys/fs/cgroup"
	name := fmt.Sprintf("dbtether-sizing-%d", os.Getpid())
	g := &memoryGroup{filepath.Join(root, "memory", name), "memory.usage_in_bytes", "total_inactive_file"} // version 1
	if _, err := os.Stat(filepath.Join(root, "cgroup.controllers")); err == nil {                          // version 2
		g = &memoryGroup{filepath.Join(root, name), "memory.current", "inactive_file"}
	}
	err := os.Mkdir(g.folder, 0o755)
	if err == nil {
		b.Cleanup(func() {
			if err := os.Remove(g.folder); err != nil {
				b.Error(err)
			}
		})
		_, err = os.Stat(filepath.Join(g.folder, g.usage))
	}
	if err != nil {
		b.Logf("no control group counts the memory: %v", err)
		return nil
	}
	return g
}

// command returns the command that runs a program in the group. The pages of the program
// count as on a node that has just fetched it: whoever reads them first pays for them.
func (g *memoryGroup) command(program string, args ...string) *exec.Cmd {
	if g == nil {
		return exec.Command(program, args...)
	}
	const enter = `dd if="$0" iflag=nocache count=0 status=none && echo $$ > "$DBTETHER_GROUP/cgroup.procs" && exec "$0" "$@"`
	cmd := exec.Command("/bin/sh", append([]string{"-c", enter, program}, args...)...)
	cmd.Env = append(os.Environ(), "DBTETHER_GROUP="+g.folder)
	return cmd
}

// workingSet returns what `kubectl top pod` would say, in MiB: all memory but the cache of
// files that the system drops when it needs the room (container_memory_working_set_bytes of
// the kubelet).
func (g *memoryGroup) workingSet(b *testing.B) float64 {
	b.Helper()
	usage := g.number(b, g.usage, `^(\d+)\n$`)
	return (usage - g.number(b, "memory.stat", `(?m)^`+g.cache+` (\d+)$`)) / (1 << 20)
}

// number returns the one number that an expression finds in a file of the group.
func (g *memoryGroup) number(b *testing.B, file, expression string) float64 {
	b.Helper()
	text, err := os.ReadFile(filepath.Join(g.folder, file))
	if err != nil {
		b.Fatal(err)
	}
	match := regexp.MustCompile(expression).FindSubmatch(text)
	if match == nil {
		b.Fatalf("%s has nothing like %s:\n%s", file, expression, bytes.TrimSpace(text))
	}
	number, err := strconv.ParseFloat(string(match[1]), 64)
	if err != nil {
		b.Fatal(err)
	}
	return number
}
