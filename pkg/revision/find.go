package revision

import (
	"fmt"
	"slices"
)

// Expect returns a *MovedError unless the Secret is at the revision of a number; nil: any.
func (s *Standing) Expect(number *int64) error {
	if number == nil {
		return nil
	}
	is, external := s.Revision(), s.Live != nil && s.Held == nil
	if is == *number && !external {
		return nil
	}
	at, _ := numbered(s.Entries, is)
	return &MovedError{s.Namespace, s.Name, *number, is, at.Author, at.Time, external}
}

// Missing returns the *NotFoundError that says that there is no such Secret, and which
// revisions of it are left.
func (s *Standing) Missing() error {
	e := &NotFoundError{Namespace: s.Namespace, Name: s.Name}
	for _, entry := range s.Entries {
		e.Has = append(e.Has, entry.Number)
	}
	if newest, found := last(s.Entries); found && newest.Deletes {
		e.Deleted = &newest
	}
	return e
}

// Before returns the revision that an undeletion brings back: the last one that the Secret
// held. The error is a *NotFoundError.
func (s *Standing) Before() (Entry, error) {
	for _, e := range slices.Backward(s.Entries) {
		if !e.Deletes {
			return e, nil
		}
	}
	return Entry{}, s.Missing()
}

// Entry returns the revision of a number. The error is a *NotFoundError, also for one
// that says that the Secret was deleted.
func (s *Standing) Entry(number int64) (Entry, error) {
	if e, found := numbered(s.Entries, number); found && !e.Deletes {
		return e, nil
	}
	e := &NotFoundError{Namespace: s.Namespace, Name: s.Name, Number: number}
	for _, entry := range s.Entries {
		if !entry.Deletes {
			e.Has = append(e.Has, entry.Number)
		}
	}
	return Entry{}, e
}

// Previous returns the revision that a rollback goes back to: the one that the Secret held
// before the present one. The error is a *RefusedError.
func (s *Standing) Previous() (Entry, error) {
	if s.External() && s.Named != nil {
		return s.Named.Entry, nil
	}
	for _, e := range slices.Backward(s.Entries) {
		if s.Held == nil || e.Deletes || e.Number >= s.Held.Number {
			continue
		}
		if e.UID == s.Held.Follows || s.Held.Follows == "" && !s.Abandoned(e) {
			return e, nil
		}
	}
	return Entry{}, &RefusedError{s.Namespace, s.Name, "has held nothing else, as far as its history goes", fmt.Sprintf("see its history: kubectl dbtether secret history %s -n %s", s.Name, s.Namespace)}
}
