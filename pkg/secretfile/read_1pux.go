package secretfile

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
)

// archive returns the items of a .1pux export: a zip file with a tree of accounts, vaults
// and items in export.data (support.1password.com/1pux-format). Items that were archived
// or thrown away are left out, with a warning.
func (r *reader) archive(text []byte) ([]opItem, error) {
	exported, err := r.exportData(text)
	if err != nil {
		return nil, err
	}
	nodes, err := parseJSON(r.format, exported)
	if err != nil {
		return nil, err
	}
	if len(nodes) != 1 || !nodes[0].get("accounts").is(arrayNode) {
		return nil, r.fail("", "its export.data has no accounts")
	}
	var items []opItem
	for _, account := range nodes[0].list("accounts") {
		for _, vault := range account.list("vaults") {
			for _, n := range vault.list("items") {
				if inner := n.get("item"); inner != nil { // the form of earlier versions
					n = inner
				}
				title := n.get("overview").textOf("title")
				if n.textOf("trashed") == "true" || n.textOf("state") == "archived" {
					r.warn("%q is archived or in the trash and is left out", title)
					continue
				}
				items = append(items, r.archivedItem(title, n.get("details")))
			}
		}
	}
	return items, nil
}

// exportData returns the one file of the archive that holds items. Its checksum is
// checked while it is read.
func (r *reader) exportData(text []byte) ([]byte, error) {
	const cut = "if the file was cut off, export it again"
	files, err := zip.NewReader(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		return nil, r.fail(cut, "the archive is not whole")
	}
	for _, file := range files.File {
		if file.Name != "export.data" {
			continue
		}
		content, err := file.Open()
		if err != nil {
			return nil, r.fail(cut, "export.data cannot be read from the archive")
		}
		exported, err := io.ReadAll(io.LimitReader(content, maxText+1))
		if err = errors.Join(err, content.Close()); err != nil {
			return nil, r.fail(cut, "export.data is not whole")
		}
		return exported, r.checkText(exported)
	}
	return nil, r.fail("export it from 1Password as 1PUX", "the archive has no export.data")
}

// archivedItem returns the fields of an item: those that log in, its password, its
// sections and its notes.
func (r *reader) archivedItem(title string, details *node) opItem {
	item := opItem{title: title}
	add := func(section, label, value string) {
		if value != "" {
			item.fields = append(item.fields, opField{section, label, value})
		}
	}
	for _, field := range details.list("loginFields") {
		label := field.textOf("designation")
		if label == "" {
			label = field.textOf("name")
		}
		switch field.textOf("fieldType") {
		case "B", "C", "I", "R", "S": // buttons, check boxes and choices of the form
		default:
			add("", label, field.textOf("value"))
		}
	}
	add("", "password", details.textOf("password"))
	for _, section := range details.list("sections") {
		for _, field := range section.list("fields") {
			label := field.textOf("title")
			if label == "" {
				label = field.textOf("id")
			}
			add(section.textOf("title"), label, r.archivedValue(title, label, field.get("value")))
		}
	}
	add("", "notesPlain", details.textOf("notesPlain"))
	return item
}

// archivedValue returns the text of a value, which is an object with one member: its kind and
// the text. It returns "" where there is none, and for kinds that are no text, of which it
// warns.
func (r *reader) archivedValue(title, label string, value *node) string {
	if !value.is(objectNode) || len(value.members) != 1 {
		return ""
	}
	kind, inner := value.members[0].key, value.members[0].value
	text, ok := inner.scalar()
	switch {
	case kind == "reference":
		r.warn("field %q of %q refers to another item and is left out", label, title)
		return ""
	case ok:
		return text
	case inner.is(nullNode):
		return ""
	case kind == "email":
		return inner.textOf("email_address")
	case kind == "sshKey":
		return inner.textOf("privateKey")
	}
	r.warn("field %q of %q is no text (%s) and is left out", label, title, kind)
	return ""
}
