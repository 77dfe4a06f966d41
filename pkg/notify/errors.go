package notify

import (
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// Stage is a part of telling that can fail by itself.
type Stage string

// The parts of telling.
const (
	// StageEvent writes the Event.
	StageEvent Stage = "event"
	// StageConfiguration reads the Secret that names the receiver.
	StageConfiguration Stage = "configuration"
	// StageDelivery sends the request.
	StageDelivery Stage = "delivery"
)

// Error says what has not been told. It names a receiver by its scheme and host only: the
// rest of a URL may be a token.
type Error struct {
	Stage     Stage
	Namespace string
	// Names are the Secrets that it is about, in the order of the changes.
	Names []string
	// Receiver is scheme://host, of a delivery.
	Receiver string
	// Err is the cause, of the first of Names where there are several.
	Err error
	// Fix is what to do about it, if that is known.
	Fix string
}

// Error implements error.
func (e *Error) Error() string {
	switch e.Stage {
	case StageEvent:
		return fmt.Sprintf("write event about %s: %v", e.secrets(), e.Err)
	case StageConfiguration:
		return fmt.Sprintf("read secret %s/%s, by which others are told: %v", e.Namespace, ConfigurationName, e.Err)
	default:
		return fmt.Sprintf("tell %s about %s: %v", e.Receiver, e.secrets(), e.Err)
	}
}

// secrets returns the first name and how many others there are.
func (e *Error) secrets() string {
	if len(e.Names) == 0 {
		return "secrets in namespace " + e.Namespace
	}
	first := fmt.Sprintf("secret %s/%s", e.Namespace, e.Names[0])
	if others := len(e.Names) - 1; others > 0 {
		return fmt.Sprintf("%s and %d more", first, others)
	}
	return first
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Hint returns what to do about it.
func (e *Error) Hint() string { return e.Fix }

// IsEventForbidden reports whether err says that the caller may not write Events. A person who
// lacks that right need not be told each time.
func IsEventForbidden(err error) bool {
	var failed *Error
	return errors.As(err, &failed) && failed.Stage == StageEvent && apierrors.IsForbidden(failed.Err)
}

// merge returns the errors that are not nil, those of one namespace and stage as one, in the
// order of the first of each.
func merge(all []*Error) []error {
	type group struct {
		stage     Stage
		namespace string
	}
	first := map[group]*Error{}
	var merged []error
	for _, e := range all {
		if e == nil {
			continue
		}
		g := group{e.Stage, e.Namespace}
		if known := first[g]; known != nil {
			known.Names = append(known.Names, e.Names...)
			continue
		}
		own := *e // not to append to the error that the Notifier keeps for a namespace
		own.Names = append([]string(nil), e.Names...)
		first[g] = &own
		merged = append(merged, &own)
	}
	return merged
}
