package plugin

import (
	"maps"
	"strconv"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// note is an annotation of ours that a managed Secret gets, or loses.
type note struct {
	name  string
	value *string
}

func limitNote(limit int) note {
	text := strconv.Itoa(limit)
	return note{v1alpha1.AnnotationHistoryLimit, &text}
}

// withNote returns notes with one more. It does not change notes.
func withNote(notes map[string]*string, more ...note) map[string]*string {
	notes = maps.Clone(notes)
	if notes == nil {
		notes = map[string]*string{}
	}
	for _, n := range more {
		notes[n.name] = n.value
	}
	return notes
}
