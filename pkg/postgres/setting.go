package postgres

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// settings plans the settings of every session of a database or role, and refuses
// those that may not be set. kind is DATABASE or ROLE; want holds what should be set,
// have what is, as "name=value"; reset names what was ours once. Names are compared
// without regard to case.
func (p *planner) settings(kind, target string, want map[string]string, have, reset []string) []Step {
	object := strings.ToLower(kind) + " " + quoted(target)
	ok, spelled := true, map[string]string{}
	for _, name := range sortedKeys(want) {
		if other, twice := spelled[strings.ToLower(name)]; twice {
			ok = p.refused(fmt.Sprintf("settings %q and %q of %s are the same", other, name, object), "leave one of them out")
		}
		spelled[strings.ToLower(name)] = name
		if refusal := p.settingRefusal(object, name, want[name]); refusal != nil {
			p.refuse(*refusal)
			ok = false
		}
	}
	if !ok {
		return nil
	}
	return settingSteps(kind, target, want, have, reset)
}

// settingRefusal returns why a setting may not be set, nil if it may. Which role acts
// is what isolates the databases: no setting may change it.
func (p *planner) settingRefusal(object, name, value string) *Refusal {
	context, known := p.state.SettingContexts[name]
	list, err := splitList(name, value)
	switch {
	case reservedSetting(name):
		return &Refusal{Problem: fmt.Sprintf("setting %q of %s decides which role acts", name, object),
			Fix: fmt.Sprintf("leave %q out: privileges are given by spec.privileges", name)}
	case !known:
		return &Refusal{Problem: fmt.Sprintf("PostgreSQL %s has no setting %q, which %s asks for", p.state.Server.VersionText, name, object),
			Fix: "correct the name: SELECT name FROM pg_settings WHERE context = 'user' lists what there is"}
	case context != "user":
		who := "is one of the whole server"
		if strings.HasPrefix(context, "superuser") {
			who = "may only be changed by a superuser"
		}
		return &Refusal{Problem: fmt.Sprintf("setting %q of %s %s (context %s)", name, object, who, context),
			Fix: fmt.Sprintf("leave %q out: SELECT name FROM pg_settings WHERE context = 'user' lists what may be set", name)}
	case !utf8.ValidString(value) || strings.ContainsRune(value, 0):
		return &Refusal{Problem: fmt.Sprintf("the value of setting %q of %s is not UTF-8 text", name, object), Fix: "correct the value"}
	case err != nil:
		return &Refusal{Problem: fmt.Sprintf("setting %q of %s: %v", name, object, err), Fix: `separate names by commas, and quote those with special characters: app, "$user"`}
	case listSettings[strings.ToLower(name)] == libraries && len(list) == 0:
		return &Refusal{Problem: fmt.Sprintf("setting %q of %s is empty, which PostgreSQL takes for the name of a library", name, object),
			Fix: fmt.Sprintf("leave %q out", name)}
	}
	return nil
}

// reservedSetting reports whether a setting decides which role acts.
func reservedSetting(name string) bool {
	return strings.EqualFold(name, "role") || strings.EqualFold(name, "session_authorization")
}

// settingSteps returns the statements that lead from the settings there are to those
// that should be; see settings.
func settingSteps(kind, target string, want map[string]string, have, reset []string) []Step {
	object := strings.ToLower(kind) + " " + quoted(target)
	var steps []Step
	add := func(reason string, fragments ...any) {
		steps = append(steps, Step{Verb: "alter", Object: object, Reason: reason,
			Statement: sql(append([]any{"ALTER " + kind + " ", ident(target)}, fragments...)...)})
	}
	for _, name := range sortedKeys(want) {
		value := want[name]
		stored, set := settingOf(have, name)
		if set && sameSetting(name, stored, value) {
			continue
		}
		add("setting "+quoted(name)+" of every session", append([]any{" SET ", ident(name), " TO "}, settingValue(name, value)...)...)
	}
	wanted := func(name string) bool {
		return slices.ContainsFunc(sortedKeys(want), func(w string) bool { return strings.EqualFold(w, name) })
	}
	for _, name := range slices.Compact(slices.Sorted(slices.Values(reset))) {
		if _, set := settingOf(have, name); set && !wanted(name) && !reservedSetting(name) {
			add("setting "+quoted(name)+" is no longer asked for", " RESET ", ident(name))
		}
	}
	return steps
}

// settingOf finds a setting in the server's form.
func settingOf(have []string, name string) (value string, set bool) {
	for _, s := range have {
		if n, v, _ := strings.Cut(s, "="); strings.EqualFold(n, name) {
			return v, true
		}
	}
	return "", false
}

// settingValue returns the fragments of a value. Each element of a list is a literal
// of its own: the server takes one literal for one name.
func settingValue(name, value string) []any {
	if listSettings[strings.ToLower(name)] == noList {
		return []any{literal(value)}
	}
	list, _ := splitList(name, value)
	if len(list) == 0 {
		return []any{literal("")}
	}
	var fragments []any
	for i, element := range list {
		if i > 0 {
			fragments = append(fragments, ", ")
		}
		fragments = append(fragments, literal(element))
	}
	return fragments
}

// sameSetting reports whether a stored value is the one asked for. The server stores
// a list with its own quotes, and an empty one as one empty name.
func sameSetting(name, stored, value string) bool {
	if listSettings[strings.ToLower(name)] == noList {
		return stored == value
	}
	have, errHave := splitList(name, stored)
	want, errWant := splitList(name, value)
	if errHave != nil || errWant != nil {
		return false
	}
	empty := func(list []string) []string {
		if len(list) == 0 {
			return []string{""}
		}
		return list
	}
	return slices.Equal(empty(have), empty(want))
}

// listKind is how the server reads the value of a setting.
type listKind int

const (
	noList listKind = iota
	names
	libraries
)

// listSettings are those that hold a list of quoted names (GUC_LIST_QUOTE; pg_dump
// knows them by name too: variable_is_guc_list_quote).
var listSettings = map[string]listKind{
	"search_path": names, "temp_tablespaces": names,
	"local_preload_libraries": libraries, "session_preload_libraries": libraries, "shared_preload_libraries": libraries,
	"unix_socket_directories": libraries,
}

// splitList splits the value of a list as the server does: SplitIdentifierString
// folds names without quotes to lower case, SplitDirectoriesString lets them hold
// spaces and capitals. It returns nil for what is no list.
func splitList(name, value string) ([]string, error) {
	kind := listSettings[strings.ToLower(name)]
	if kind == noList {
		return nil, nil
	}
	const space = " \t\n\r\f\v"
	rest := strings.TrimLeft(value, space)
	if rest == "" {
		return nil, nil
	}
	var list []string
	for {
		var element string
		var err error
		if element, rest, err = firstOfList(rest, kind); err != nil {
			return nil, err
		}
		list = append(list, element)
		rest = strings.TrimLeft(rest, space)
		if rest == "" {
			return list, nil
		}
		if rest[0] != ',' {
			return nil, fmt.Errorf("%q is not a list of names", value)
		}
		rest = strings.TrimLeft(rest[1:], space)
	}
}

// firstOfList returns the first element of a list that has one, and what follows it.
func firstOfList(list string, kind listKind) (element, rest string, err error) {
	if !strings.HasPrefix(list, `"`) {
		end := strings.IndexAny(list, ", \t\n\r\f\v")
		if kind == libraries {
			end = strings.IndexByte(list, ',')
		}
		if end < 0 {
			end = len(list)
		}
		element, rest = list[:end], list[end:]
		if element = strings.TrimRight(element, " \t\n\r\f\v"); element == "" {
			return "", "", fmt.Errorf("the list has an empty element before %q", list)
		}
		if kind == names {
			element = lowerASCII(element)
		}
		return element, rest, nil
	}
	for at := 1; at < len(list); at++ {
		switch {
		case list[at] != '"':
		case strings.HasPrefix(list[at+1:], `"`):
			at++
		default:
			return strings.ReplaceAll(list[1:at], `""`, `"`), list[at+1:], nil
		}
	}
	return "", "", fmt.Errorf("a quoted name of the list does not end: %s", list)
}

// lowerASCII folds as the server does in a database with multi-byte characters.
func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}
