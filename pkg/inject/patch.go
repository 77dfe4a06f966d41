package inject

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// Binding is a DatabaseUser that a pod asks for, and where its credential is.
type Binding struct {
	User, Alias string
	// Secret is the name of the Secret, in the pod's namespace.
	Secret string
	// Revision is that of the Secret.
	Revision int64
}

// Patch is what turns a pod into an injected one.
type Patch struct {
	// JSON is the JSON Patch; nil if there is nothing to do.
	JSON []byte
	// Injected is the text of the annotation dbtether.io/injected: for every user
	// of the ask, in its order, [alias=]user@revision:form, separated by commas. An
	// ephemeral container's patch does not write it: of a pod's subresource the API
	// server takes the containers only.
	Injected string
}

// Nothing is the text of the annotation dbtether.io/injected on a pod that asked for
// credentials and could be given none. Such a pod is refused at the end of admission, with
// the reason. Without the annotation the API server takes the webhook to be down.
const Nothing = "none"

// Refused returns the patch that sets dbtether.io/injected to Nothing. Its JSON is nil where
// that is its value already.
func (p *Pod) Refused(opts ...Option) Patch {
	i := injection{pod: p, options: chosen(opts), injected: Nothing}
	i.annotation()
	return Patch{JSON: i.ops.finish(), Injected: i.injected}
}

// maxPatch is the size, in bytes, over which a patch is refused. etcd stores no object of that
// size; without a limit a pod with many tiny containers could fill the memory.
const maxPatch = 2 << 20

// Option changes what Patch does.
type Option func(*options)

type options struct {
	// ephemeral restricts the patch to the ephemeral containers that old, which may be nil,
	// does not have.
	ephemeral bool
	old       *Pod
	// user is the DatabaseUser that the namespace of the pod gives by default, empty if none.
	user string
}

func chosen(opts []Option) (o options) {
	for _, option := range opts {
		option(&o)
	}
	return o
}

// Default makes the patch add an annotation dbtether.io/inject with a user, which the namespace
// of the pod gives by default. An empty user changes nothing.
func Default(user string) Option {
	return func(o *options) { o.user = user }
}

// EphemeralContainers restricts a patch to the ephemeral containers that the old
// pod does not have, for an update of pods/ephemeralcontainers. They get variables,
// and mounts of those volumes that the pod has: none can be added to it any more.
// A nil old pod has none.
func EphemeralContainers(old *Pod) Option {
	return func(o *options) { o.ephemeral, o.old = true, old }
}

// Needs reports whether the pod cannot do without a patch. For an update of its ephemeral
// containers that is so only if a new one gets variables: it gets files only if the pod has
// the volume with them.
func (p *Pod) Needs(ask *Ask, opts ...Option) bool {
	i := injection{pod: p, options: chosen(opts), ask: ask}
	if !i.ephemeral {
		return true
	}
	return (ask.As.env() || len(ask.Env) > 0) && slices.ContainsFunc(p.ephemeralContainers, func(c container) bool { return i.selects(c.name) })
}

// Patch returns the operations that give the pod what it asks for. Bindings holds
// exactly one for each user of the ask, in any order. It fails if they do not
// match, if the ask names a container that the pod does not have or a mode with which
// a container could not read its files (a Problem), or if the patch would exceed 2 MiB.
func (p *Pod) Patch(ask *Ask, bindings []Binding, opts ...Option) (Patch, error) {
	if ask == nil || len(ask.Users) == 0 {
		return Patch{}, nil
	}
	o := chosen(opts)
	bound, err := bind(ask, bindings)
	if err != nil {
		return Patch{}, fmt.Errorf("patch pod: %w", err)
	}
	if err := p.check(ask.Containers, o); err != nil {
		return Patch{}, fmt.Errorf("patch pod: %w", err)
	}
	if err := p.readable(ask); err != nil {
		return Patch{}, fmt.Errorf("patch pod: %w", err)
	}
	i := injection{pod: p, ask: ask, options: o, ops: make(operations, 0, 4096)}
	i.injected = p.injected(ask, bound)
	if err := i.write(bound); err != nil {
		return Patch{}, fmt.Errorf("patch pod: %w", err)
	}
	return Patch{JSON: i.ops.finish(), Injected: i.injected}, nil
}

// injected returns the text of the annotation dbtether.io/injected. A credential that the pod
// has in its environment by references of its own counts as one that we put there.
func (p *Pod) injected(ask *Ask, bindings []Binding) string {
	text := make([]byte, 0, 64*len(bindings))
	for n, b := range bindings {
		if n > 0 {
			text = append(text, ',')
		}
		if b.Alias != "" {
			text = append(append(text, b.Alias...), '=')
		}
		text = append(append(text, b.User...), '@')
		text = strconv.AppendInt(text, b.Revision, 10)
		variables := slices.ContainsFunc(ask.Env, func(e EnvAsk) bool { return e.Alias == b.Alias }) || p.fixes(b.Secret)
		text = append(append(text, ':'), ask.As.text(variables)...)
	}
	return string(text)
}

// injection writes one patch.
type injection struct {
	options
	pod      *Pod
	ask      *Ask
	ops      operations
	injected string

	variables []entry
	mounts    []mount
	scratch   []byte
}

func (i *injection) write(bindings []Binding) error {
	if i.ask.As.files() {
		if err := i.findVolumes(bindings); err != nil {
			return err
		}
	}
	i.variables = variables(i.ask, bindings, i.mounts)
	if i.ephemeral {
		return i.containers("/spec/ephemeralContainers/", i.pod.ephemeralContainers)
	}
	if err := i.containers("/spec/initContainers/", i.pod.initContainers); err != nil {
		return err
	}
	if err := i.containers("/spec/containers/", i.pod.containers); err != nil {
		return err
	}
	i.addVolumes()
	i.annotation()
	return nil
}

// findVolumes finds the volume of every binding in the pod, or a name for a new one. An
// ephemeral container gets the volumes that the pod has only.
func (i *injection) findVolumes(bindings []Binding) error {
	i.mounts = make([]mount, 0, len(bindings))
	for _, b := range bindings {
		wanted := i.ask.projection(b)
		name, found, err := i.volume(b, wanted)
		if err != nil {
			return err
		}
		if found || !i.ephemeral {
			i.mounts = append(i.mounts, mount{directory: bindingName(b.User, b.Alias), volume: name, alias: b.Alias, projected: wanted, found: found})
		}
	}
	return nil
}

// addVolumes adds the volumes that the pod lacks and some container now mounts.
func (i *injection) addVolumes() {
	volumes := list{ops: &i.ops, path: "/spec/volumes", present: i.pod.volumes != nil}
	for _, m := range i.mounts {
		if m.used && !m.found {
			i.scratch = m.appendVolume(i.scratch[:0], i.ask.Mode)
			volumes.append(i.scratch)
		}
	}
	volumes.close()
}

// volume returns the name of the binding's volume and whether the pod has it. A volume of that
// name with other content is left alone, and another name is tried. The tries are limited,
// because each looks through all volumes.
func (i *injection) volume(b Binding, wanted projection) (name string, found bool, err error) {
	for attempt := range 16 {
		name = volumeName(bindingName(b.User, b.Alias), attempt)
		if slices.ContainsFunc(i.mounts, func(m mount) bool { return m.volume == name }) {
			continue
		}
		at := slices.IndexFunc(i.pod.volumes, func(v volume) bool { return v.name == name })
		if at < 0 {
			return name, false, nil
		}
		if i.pod.volumes[at].projection == wanted {
			return name, true, nil
		}
	}
	return "", false, fmt.Errorf("user %s: every name for its volume is taken, as %s is", quote(b.User), quote(name))
}

// containers writes what those containers lack that are to be injected.
func (i *injection) containers(pointer string, containers []container) error {
	for n := range containers {
		c := &containers[n]
		if !i.selects(c.name) {
			continue
		}
		i.container(pointer+strconv.Itoa(n), c)
		if len(i.ops) > maxPatch {
			return fmt.Errorf("%d containers: the patch would exceed %d MiB", len(containers), maxPatch>>20)
		}
	}
	return nil
}

// selects reports whether the container of the name is to be injected.
func (i *injection) selects(name string) bool {
	if i.ephemeral && i.old != nil && has(i.old.ephemeralContainers, name) {
		return false
	}
	return len(i.ask.Containers) == 0 || slices.Contains(i.ask.Containers, name)
}

// container writes what one container lacks.
func (i *injection) container(pointer string, c *container) {
	root := c.root(i.ask.root())
	env := list{ops: &i.ops, path: pointer + "/env", present: c.env != nil}
	for _, v := range i.variables {
		if !slices.ContainsFunc(c.env, func(e environment) bool { return e.name == v.name || v.with != "" && e.name == v.with }) {
			i.scratch = v.appendTo(i.scratch[:0], root)
			env.append(i.scratch)
		}
	}
	env.close()
	if len(i.mounts) == 0 {
		return
	}
	mounts := list{ops: &i.ops, path: pointer + "/volumeMounts", present: c.mounts != nil}
	for n := range i.mounts {
		m := &i.mounts[n]
		if at := root + "/" + m.directory; !c.mountsAt(at) {
			m.used = true
			i.scratch = m.appendMount(i.scratch[:0], at)
			mounts.append(i.scratch)
		}
	}
	mounts.close()
}

// root returns the directory below which the container expects its bindings: the one that it
// sets itself, if that is known before it starts, else the one that the pod asks for. Of
// several variables of one name Kubernetes takes the last.
func (c *container) root(asked string) string {
	for n := len(c.env) - 1; n >= 0; n-- {
		if e := c.env[n]; e.name == rootVariable {
			if root := strings.TrimRight(e.value, `/\`); e.value != "" && !e.computed && !strings.Contains(e.value, "$(") {
				return root
			}
			break
		}
	}
	return asked
}

// mountsAt reports whether the container has a mount at a directory.
func (c *container) mountsAt(directory string) bool {
	directory = path.Clean(directory)
	return slices.ContainsFunc(c.mounts, func(m string) bool { return path.Clean(m) == directory })
}

// annotation writes dbtether.io/injected and, for a pod that gets the default of its namespace,
// dbtether.io/inject.
func (i *injection) annotation() {
	switch {
	case i.pod.Annotations != nil:
		if i.user != "" {
			i.annotate(v1alpha1.AnnotationInject, i.user)
		}
		i.annotate(v1alpha1.AnnotationInjected, i.injected)
	case i.pod.hasMetadata:
		i.ops.begin("add", "/metadata/annotations", "")
		i.ops = i.annotations(i.ops)
		i.ops.end()
	default:
		i.ops.begin("add", "/metadata", "")
		i.ops = append(i.annotations(append(i.ops, `{"annotations":`...)), '}')
		i.ops.end()
	}
}

// annotate writes one annotation of a pod that has others.
func (i *injection) annotate(key, value string) {
	current, found := i.pod.Annotations[key]
	if found && current == value {
		return
	}
	operation := "add"
	if found {
		operation = "replace"
	}
	i.ops.begin(operation, "/metadata/annotations", key)
	i.ops = appendString(i.ops, value)
	i.ops.end()
}

// annotations appends the annotations of a pod that has none.
func (i *injection) annotations(text []byte) []byte {
	text = append(text, '{')
	if i.user != "" {
		text = appendString(append(appendString(text, v1alpha1.AnnotationInject), ':'), i.user)
		text = append(text, ',')
	}
	text = appendString(append(appendString(text, v1alpha1.AnnotationInjected), ':'), i.injected)
	return append(text, '}')
}
