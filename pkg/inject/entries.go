package inject

import (
	"slices"
	"strconv"
	"strings"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// entry is a variable that containers get.
type entry struct {
	name string
	// text is the variable as JSON. It is nil where the value is the path of file, because that
	// depends on the root of the container.
	text []byte
	file string // below the root
	// with is another variable, which this one has no meaning without: a container that has
	// that one itself is given neither.
	with string
}

// appendTo appends the JSON text for a container whose bindings are below root.
func (e entry) appendTo(text []byte, root string) []byte {
	if e.text != nil {
		return append(text, e.text...)
	}
	text = appendString(append(text, `{"name":`...), e.name)
	text = appendString(append(text, `,"value":`...), root+"/"+e.file)
	return append(text, '}')
}

// variables returns the variables that each container gets, without duplicates: those of libpq
// for every binding, then the further ones, then the root and, with FormLibpq, those that make
// libpq read the connection service files below it.
func variables(ask *Ask, bindings []Binding, mounts []mount) []entry {
	w := variableWriter{text: make([]byte, 0, 1024), optional: ask.Optional}
	if ask.As.env() {
		w.entries = make([]entry, 0, len(bindings)*len(standardKeys)+len(ask.Env)+1)
		for _, b := range bindings {
			prefix := VariablePrefix(b.Alias)
			for _, standard := range standardKeys {
				w.reference(prefix+standard.variable, b.Secret, standard.key)
			}
		}
	}
	for _, env := range ask.Env {
		i := slices.IndexFunc(bindings, func(b Binding) bool { return b.Alias == env.Alias })
		w.reference(env.Variable, bindings[i].Secret, env.Key)
	}
	if len(mounts) > 0 {
		w.value(rootVariable, ask.root())
	}
	if ask.As == FormLibpq {
		for _, m := range mounts {
			prefix := VariablePrefix(m.alias)
			file, service := prefix+serviceFileVariable, prefix+serviceVariable
			w.entries = append(w.entries, entry{name: file, file: m.directory + "/" + v1alpha1.ServiceFile, with: service})
			w.value(service, v1alpha1.ServiceName)
			w.entries[len(w.entries)-1].with = file
		}
	}
	return w.entries
}

// variableWriter collects entries, whose texts share one array.
type variableWriter struct {
	entries  []entry
	text     []byte
	optional bool // of references
}

// reference adds a variable with a key of a Secret.
func (w *variableWriter) reference(variable, secret, key string) {
	start := len(w.text)
	w.text = appendString(append(w.text, `{"name":`...), variable)
	w.text = appendString(append(w.text, `,"valueFrom":{"secretKeyRef":{"name":`...), secret)
	w.text = appendString(append(w.text, `,"key":`...), key)
	if w.optional {
		w.text = append(w.text, `,"optional":true`...)
	}
	w.add(variable, start, `}}}`)
}

// value adds a variable with a value.
func (w *variableWriter) value(variable, value string) {
	start := len(w.text)
	w.text = appendString(append(w.text, `{"name":`...), variable)
	w.text = appendString(append(w.text, `,"value":`...), value)
	w.add(variable, start, `}`)
}

// add ends the text that begins at start. Of two variables of a name the first stays.
func (w *variableWriter) add(variable string, start int, end string) {
	w.text = append(w.text, end...)
	if slices.ContainsFunc(w.entries, func(e entry) bool { return e.name == variable }) {
		return
	}
	w.entries = append(w.entries, entry{name: variable, text: w.text[start:len(w.text):len(w.text)]})
}

// mount is a volume with a credential.
type mount struct {
	// directory is where it is mounted, below the container's root.
	directory string
	volume    string
	alias     string
	projected projection
	// found means that the pod has the volume already, used that a container gets a mount of it.
	found, used bool
}

// appendVolume appends the volume as JSON, with files of a mode, 0 for Kubernetes' default.
func (m *mount) appendVolume(text []byte, mode int64) []byte {
	text = appendString(append(text, `{"name":`...), m.volume)
	text = append(text, `,"projected":{`...)
	if mode != 0 {
		text = strconv.AppendInt(append(text, `"defaultMode":`...), mode, 10)
		text = append(text, ',')
	}
	text = append(text, `"sources":[{"secret":{`...)
	text = append(m.projected.appendSource(text), `}}`...)
	if m.projected.items != "" {
		text = append(text, `,{"secret":{`...)
		text = append(m.projected.appendSource(text), `,"items":[`...)
		for n, item := range m.projected.each() {
			if n > 0 {
				text = append(text, ',')
			}
			name, key, _ := strings.Cut(item, "=")
			text = appendString(append(text, `{"key":`...), key)
			text = appendString(append(text, `,"path":`...), name)
			text = append(text, '}')
		}
		text = append(text, `]}}`...)
	}
	return append(text, `]}}`...)
}

// appendMount appends the volumeMount of a container as JSON.
func (m *mount) appendMount(text []byte, path string) []byte {
	text = appendString(append(text, `{"name":`...), m.volume)
	text = appendString(append(text, `,"mountPath":`...), path)
	return append(text, `,"readOnly":true}`...)
}
