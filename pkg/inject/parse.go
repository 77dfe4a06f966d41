package inject

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// maxItems bounds every list of an annotation.
const maxItems = 64

var (
	userPattern      = regexp.MustCompile(`^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$`)
	aliasPattern     = regexp.MustCompile(`^[a-z][a-z0-9-]{0,30}$`)
	variablePattern  = regexp.MustCompile(`^[A-Za-z_][-._A-Za-z0-9]*$`)
	filePattern      = regexp.MustCompile(`^[A-Za-z0-9_][-._A-Za-z0-9]{0,252}$`)
	rootPattern      = regexp.MustCompile(`^(/[A-Za-z0-9_][-._A-Za-z0-9]*){1,16}$`)
	modePattern      = regexp.MustCompile(`^0?[0-7]{3}$`)
	containerPattern = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)
)

// Parse reads what the annotations of a pod ask for, and returns everything that is wrong with
// them in a stable order. The Ask is nil if there is no dbtether.io/inject, or if that is
// "none". If there are problems, the Ask holds what could be understood, and must not be
// injected. dbtether.io/injected is not looked at: see Reserved.
func Parse(annotations map[string]string) (*Ask, []Problem) {
	p := parser{annotations: annotations}
	inject, asked := annotations[v1alpha1.AnnotationInject]
	if asked && strings.TrimSpace(inject) != NoInjection {
		p.ask = &Ask{As: FormBoth}
		p.users(inject)
		p.form()
		p.env()
		p.files()
		p.root()
		p.mode()
		p.optional()
		p.containers()
		p.poolSize()
		p.onRotate()
	} else {
		p.idle()
	}
	p.unknown()
	return p.ask, p.problems
}

// Reserved returns a problem if annotations that ask for nothing have dbtether.io/injected:
// the webhook, which alone writes it, has not.
func Reserved(annotations map[string]string) []Problem {
	text, found := annotations[v1alpha1.AnnotationInjected]
	if !found {
		return nil
	}
	return []Problem{{
		Annotation: v1alpha1.AnnotationInjected,
		Message:    quote(text) + " was not written by the webhook",
		Fix:        "remove it: it says what was injected and is set at admission",
	}}
}

type parser struct {
	annotations map[string]string
	ask         *Ask
	problems    []Problem
}

func (p *parser) report(annotation, fix, message string, args ...any) {
	p.problems = append(p.problems, Problem{Annotation: annotation, Message: fmt.Sprintf(message, args...), Fix: fix})
}

// idle reports annotations that do nothing without dbtether.io/inject.
func (p *parser) idle() {
	for _, key := range podAnnotations[1 : len(podAnnotations)-writtenByUs] {
		if _, found := p.annotations[key]; found {
			p.report(key, "add "+v1alpha1.AnnotationInject+" with the name of a DatabaseUser, or remove this annotation",
				"does nothing without %s", v1alpha1.AnnotationInject)
		}
	}
}

// unknown reports annotations with our prefix that a pod cannot have.
func (p *parser) unknown() {
	const prefix = "dbtether.io/"
	var unknown []string
	for key := range p.annotations {
		if strings.HasPrefix(key, prefix) && !slices.Contains(podAnnotations, key) {
			unknown = append(unknown, key)
		}
	}
	if len(unknown) == 0 {
		return
	}
	slices.Sort(unknown)
	names := make([]string, len(podAnnotations)-writtenByUs)
	for i := range names {
		names[i] = strings.TrimPrefix(podAnnotations[i], prefix)
	}
	for _, key := range unknown[:min(len(unknown), maxItems)] {
		fix := "remove it; a pod may have " + prefix + series(names)
		if near, ok := nearest(strings.TrimPrefix(key, prefix), names); ok {
			fix = "write " + prefix + near
		}
		name := key
		if len(name) > longest {
			name = strings.ToValidUTF8(name[:longest], "") + "…"
		}
		p.report(name, fix, "is not an annotation of a pod")
	}
}

// items returns the items of a list, trimmed. It reports empty items, and a list that is empty
// or too long: nothing is the message about an empty list, and example its fix.
func (p *parser) items(annotation, list, nothing, example string) []string {
	if strings.TrimSpace(list) == "" {
		p.report(annotation, example, "%s", nothing)
		return nil
	}
	if n := strings.Count(list, ",") + 1; n > maxItems {
		p.report(annotation, fmt.Sprintf("name at most %d", maxItems), "has %d items", n)
		return nil
	}
	items := make([]string, 0, strings.Count(list, ",")+1)
	n := 0
	for item := range strings.SplitSeq(list, ",") {
		n++
		if item = strings.TrimSpace(item); item == "" {
			p.report(annotation, "remove the comma that is too many", "item %d of %s is empty", n, quote(list))
			continue
		}
		items = append(items, item)
	}
	return items
}

func (p *parser) users(list string) {
	const annotation = v1alpha1.AnnotationInject
	items := p.items(annotation, list, "names no DatabaseUser", `name one of the pod's namespace, as in "orders-api"`)
	p.ask.Users = make([]UserAsk, 0, len(items))
	for _, item := range items {
		user := UserAsk{Name: item}
		if alias, name, aliased := strings.Cut(item, "="); aliased {
			user = UserAsk{Name: strings.TrimSpace(name), Alias: strings.TrimSpace(alias)}
			if strings.Contains(name, "=") || user.Name == "" || user.Alias == "" {
				p.report(annotation, `write alias=user, as in "reports=analytics-ro"`, "%s is not a user with an alias", quote(item))
				continue
			}
			if !aliasPattern.MatchString(user.Alias) {
				p.report(annotation, `use lower case letters, digits and "-", a letter first, at most 31 characters`, "%s is not an alias", quote(user.Alias))
			}
		}
		if !userPattern.MatchString(user.Name) {
			p.report(annotation, `use its metadata.name: lower case letters, digits, "-" and "."`, "%s is not the name of a DatabaseUser", quote(user.Name))
		}
		p.distinct(user)
		p.ask.Users = append(p.ask.Users, user)
	}
}

// distinct reports a user whose variables or files could not be told from those of a user
// before it.
func (p *parser) distinct(user UserAsk) {
	const annotation = v1alpha1.AnnotationInject
	for _, other := range p.ask.Users {
		switch {
		case other.Name == user.Name:
			p.report(annotation, "name it once; "+v1alpha1.AnnotationEnv+" gives further variables", "user %s is there twice", quote(user.Name))
		case other.Alias == "" && user.Alias == "":
			p.report(annotation, fmt.Sprintf(`give one of them an alias, as in "reports=%.*s"`, longest, user.Name),
				"neither %s nor %s has an alias", quote(other.Name), quote(user.Name))
		case other.Alias == user.Alias:
			p.report(annotation, "give each user its own alias", "alias %s is there twice", quote(user.Alias))
		case bindingName(other.Name, other.Alias) == bindingName(user.Name, user.Alias):
			p.report(annotation, "choose another alias: both would be files in the same directory",
				"alias %s is the name of the user without alias", quote(bindingName(user.Name, user.Alias)))
		default:
			continue
		}
		return
	}
}

func (p *parser) form() {
	value, found := p.annotations[v1alpha1.AnnotationAs]
	if !found {
		return
	}
	forms := []string{string(FormEnv), string(FormFiles), string(FormBoth), string(FormLibpq)}
	switch word := strings.TrimSpace(value); {
	case slices.Contains(forms, word):
		p.ask.As = Form(word)
	case strings.Contains(word, "env") && strings.Contains(word, "files"):
		p.report(v1alpha1.AnnotationAs, `write "both"`, "%s is not a form", quote(word))
	default:
		fix := "write env, files, both or libpq, or remove the annotation, which means both"
		if near, ok := nearest(word, forms); ok {
			fix = fmt.Sprintf("write %q; the forms are %s", near, series(forms))
		}
		p.report(v1alpha1.AnnotationAs, fix, "%s is not a form", quote(word))
	}
}

func (p *parser) containers() {
	const annotation = v1alpha1.AnnotationContainers
	list, found := p.annotations[annotation]
	if !found {
		return
	}
	for _, name := range p.items(annotation, list, "names no container", `name containers, as in "app,migrate", or remove the annotation, which means all`) {
		switch {
		case !containerPattern.MatchString(name):
			p.report(annotation, `use lower case letters, digits and "-", at most 63 characters`, "%s is not the name of a container", quote(name))
		case slices.Contains(p.ask.Containers, name):
			p.report(annotation, "name it once", "container %s is there twice", quote(name))
		default:
			p.ask.Containers = append(p.ask.Containers, name)
		}
	}
}

// maxPool is the largest pool: no server takes as many connections from one pod.
const maxPool = 10_000

func (p *parser) poolSize() {
	const annotation = v1alpha1.AnnotationPoolSize
	text, found := p.annotations[annotation]
	if !found {
		return
	}
	text = strings.TrimSpace(text)
	size, err := strconv.ParseInt(text, 10, 64)
	if err != nil || size < 1 || size > maxPool {
		p.report(annotation, fmt.Sprintf("write how many connections each pod opens at most, from 1 to %d", maxPool), "%s is not a number of connections", quote(text))
		return
	}
	p.ask.PoolSize = size
}

// onRotate reports a value that means nothing. It changes nothing about the pod: who rotates a
// credential reads the annotation of the pod's template.
func (p *parser) onRotate() {
	const annotation = v1alpha1.AnnotationOnRotate
	if text, found := p.annotations[annotation]; found && text != v1alpha1.OnRotateRestart {
		p.report(annotation, fmt.Sprintf("write %q, or remove the annotation", v1alpha1.OnRotateRestart), "%s is nothing that can be done", quote(text))
	}
}

// series returns "a, b and c".
func series(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " and " + words[last]
}
