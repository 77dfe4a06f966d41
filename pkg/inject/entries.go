package inject

import "slices"

// entry is an element of an array of the pod: its name, and its JSON text.
type entry struct {
	name string
	text []byte
}

// variables returns what each container gets, without duplicates: for every
// binding the variables of libpq, then the further ones, then the directory.
func variables(ask *Ask, bindings []Binding, files bool) []entry {
	w := variableWriter{text: make([]byte, 0, 1024)}
	if ask.As.env() {
		w.entries = make([]entry, 0, len(bindings)*len(standardKeys)+len(ask.Env)+1)
		for _, b := range bindings {
			prefix := variablePrefix(b.Alias)
			for _, standard := range standardKeys {
				w.reference(prefix+standard.variable, b.Secret, standard.key)
			}
		}
	}
	for _, env := range ask.Env {
		i := slices.IndexFunc(bindings, func(b Binding) bool { return b.Alias == env.Alias })
		w.reference(env.Variable, bindings[i].Secret, env.Key)
	}
	if files {
		w.value(rootVariable, defaultRoot)
	}
	return w.entries
}

// variableWriter writes the entries behind each other into one text.
type variableWriter struct {
	entries []entry
	text    []byte
}

func (w *variableWriter) reference(variable, secret, key string) {
	start := len(w.text)
	w.text = appendString(append(w.text, `{"name":`...), variable)
	w.text = appendString(append(w.text, `,"valueFrom":{"secretKeyRef":{"name":`...), secret)
	w.text = appendString(append(w.text, `,"key":`...), key)
	w.add(variable, start, `}}}`)
}

func (w *variableWriter) value(variable, value string) {
	start := len(w.text)
	w.text = appendString(append(w.text, `{"name":`...), variable)
	w.text = appendString(append(w.text, `,"value":`...), value)
	w.add(variable, start, `}`)
}

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
	directory      string
	volume, secret string
	// found means that the pod has the volume, used that a container gets it.
	found, used bool
}

func (m *mount) appendVolume(text []byte) []byte {
	text = appendString(append(text, `{"name":`...), m.volume)
	text = appendString(append(text, `,"projected":{"sources":[{"secret":{"name":`...), m.secret)
	return append(text, `}}]}}`...)
}

func (m *mount) appendMount(text []byte, path string) []byte {
	text = appendString(append(text, `{"name":`...), m.volume)
	text = appendString(append(text, `,"mountPath":`...), path)
	return append(text, `,"readOnly":true}`...)
}
