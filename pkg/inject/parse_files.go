package inject

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// files reads the further files. They make no sense with a form without files.
func (p *parser) files() {
	const annotation = v1alpha1.AnnotationFiles
	list, found := p.annotations[annotation]
	if !found || p.withoutFiles(annotation) {
		return
	}
	p.readings(annotation, list, "file", `write file=key, as in "user=username"`, func(r reading) {
		file := FileAsk{Name: r.name, Alias: r.alias, Key: r.key}
		p.file(file)
		p.ask.Files = append(p.ask.Files, file)
	})
}

// file reports the name of a further file that is invalid, or that the directory of a
// credential has anyway.
func (p *parser) file(file FileAsk) {
	const annotation = v1alpha1.AnnotationFiles
	switch {
	case !filePattern.MatchString(file.Name):
		p.report(annotation, `use letters, digits, "_", "-" and ".", and neither "-" nor "." first`, "%s is not the name of a file", quote(file.Name))
	case slices.ContainsFunc(p.ask.Files, func(other FileAsk) bool { return other.Name == file.Name && other.Alias == file.Alias }):
		p.report(annotation, "name it once", "file %s is there twice", quote(file.Name))
	case slices.Contains(credentialKeys, file.Name) || slices.Contains(otherKeys, file.Name):
		p.report(annotation, "choose another name, or remove it", "file %s is there anyway", quote(file.Name))
	}
}

// withoutFiles reports an annotation about files if the form has none, and returns whether it
// did.
func (p *parser) withoutFiles(annotation string) bool {
	if p.ask.As.files() {
		return false
	}
	p.report(annotation, fmt.Sprintf("write files, both or libpq into %s, or remove this annotation", v1alpha1.AnnotationAs),
		"is about files, and %s is %s", v1alpha1.AnnotationAs, quote(string(p.ask.As)))
	return true
}

func (p *parser) root() {
	const annotation = v1alpha1.AnnotationPath
	text, found := p.annotations[annotation]
	if !found || p.withoutFiles(annotation) {
		return
	}
	root := strings.TrimRight(strings.TrimSpace(text), "/")
	if len(root) > 256 || !rootPattern.MatchString(root) {
		p.report(annotation, `write an absolute path of letters, digits, "_", "-" and ".", as in "/etc/database"`, "%s is not a directory for credentials", quote(text))
		return
	}
	p.ask.Root = root
}

func (p *parser) mode() {
	const annotation = v1alpha1.AnnotationFileMode
	text, found := p.annotations[annotation]
	if !found || p.withoutFiles(annotation) {
		return
	}
	text = strings.TrimSpace(text)
	mode, err := strconv.ParseInt(text, 8, 64)
	if err != nil || !modePattern.MatchString(text) || mode&0o400 == 0 {
		p.report(annotation, `write a mode in octal with which its owner may read, as in "0440"`, "%s is not the mode of a file", quote(text))
		return
	}
	p.ask.Mode = mode
}

func (p *parser) optional() {
	const annotation = v1alpha1.AnnotationOptional
	text, found := p.annotations[annotation]
	if !found {
		return
	}
	switch strings.TrimSpace(text) {
	case "true":
		p.ask.Optional = true
	case "false":
	default:
		p.report(annotation, `write "true", or remove the annotation`, "%s is neither true nor false", quote(text))
	}
}
