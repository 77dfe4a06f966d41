package plugin

import "strings"

// coverage says which kinds of objects were looked at.
type coverage struct {
	Scanned      []string    `json:"scanned"`
	NotInstalled []string    `json:"notInstalled"`
	NotScanned   []unscanned `json:"notScanned"`
	// Certain says that nothing of what is installed was left out.
	Certain bool `json:"certain"`
}

// unscanned is a kind that could not be looked at, or not everywhere, and why.
type unscanned struct {
	Resource string `json:"resource"`
	Message  string `json:"message"`
}

// tell says on stderr what was looked at, what was not, and what is not certain for that.
func (c coverage) tell(env *Environment, what string) {
	env.note("looked at: %s", strings.Join(c.Scanned, ", "))
	if len(c.NotInstalled) > 0 {
		env.note("not installed: %s", strings.Join(c.NotInstalled, ", "))
	}
	c.tellMissing(env, what+" is not certain")
	env.note("not looked at: custom resources of other controllers, and programs that read Secrets through the API")
}

// tellMissing says on stderr which kinds could not be looked at, if there are any, and what
// that means.
func (c coverage) tellMissing(env *Environment, so string) {
	if len(c.NotScanned) == 0 {
		return
	}
	lines := []string{"not everything could be looked at, so " + so + ":"}
	for _, missing := range c.NotScanned {
		lines = append(lines, missing.Message)
	}
	env.warn("%s", strings.Join(lines, "\n"))
}
