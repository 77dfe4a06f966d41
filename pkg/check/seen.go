package check

import (
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Objects are what was read of one kind, or why it was not. An object that was asked for
// by its name and does not exist is not an error: there is none.
type Objects struct {
	Items []unstructured.Unstructured
	Err   error
}

// named returns the object of a name, nil where there is none.
func (o Objects) named(name string) *unstructured.Unstructured {
	for i := range o.Items {
		if o.Items[i].GetName() == name {
			return &o.Items[i]
		}
	}
	return nil
}

// unread adds why something could not be looked at, and reports whether there was a
// reason. What the caller may not read is a warning: it may be well.
func (f *findings) unread(check, what string, err error) bool {
	switch {
	case err == nil:
		return false
	case apierrors.IsForbidden(err):
		f.add(check, LevelWarning, "check again as somebody who may, with --context or --as", "%s could not be looked at: you lack the right to read", what)
	case apierrors.IsNotFound(err):
		f.add(check, LevelNote, "", "%s could not be looked at: the API server does not know their kind", what)
	default:
		f.add(check, LevelError, "see whether the API server is well: kubectl get --raw /readyz?verbose", "%s could not be looked at: %v", what, err)
	}
	return true
}

// unreadOurs is unread for our own resources, which a definition makes known.
func (f *findings) unreadOurs(check, what string, err error) bool {
	if !apierrors.IsNotFound(err) {
		return f.unread(check, what, err)
	}
	f.add(check, LevelNote, fixCRDs, "%s are not there to be looked at: the API server does not know their kind", what)
	return true
}

// textAt returns the text at a path, empty where there is none.
func textAt(o map[string]any, path ...string) string {
	text, _, _ := unstructured.NestedString(o, path...)
	return text
}

// numberAt returns the number at a path, and false where there is none.
func numberAt(o map[string]any, path ...string) (int64, bool) {
	n, found, err := unstructured.NestedInt64(o, path...)
	return n, found && err == nil
}

// objectsAt returns the objects of the list at a path.
func objectsAt(o map[string]any, path ...string) []map[string]any {
	list, _, _ := unstructured.NestedSlice(o, path...)
	var objects []map[string]any
	for _, item := range list {
		if object, ok := item.(map[string]any); ok {
			objects = append(objects, object)
		}
	}
	return objects
}
