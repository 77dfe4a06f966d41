package secretfile

import "fmt"

// notText is why text is refused, or a value by a format of text.
const notText = "it is not UTF-8 text"

// CannotCarryError says that a format cannot hold a key or its value.
type CannotCarryError struct {
	Format Format
	Key    string
	Why    string
}

// Error implements error.
func (e *CannotCarryError) Error() string {
	return fmt.Sprintf("write %s: key %q: %s", e.Format, e.Key, e.Why)
}

// Hint returns what to do about it.
func (e *CannotCarryError) Hint() string {
	return "use --format kubernetes, which carries any bytes"
}

// RefusedError says that what a file has under a key cannot be taken for what was meant.
type RefusedError struct {
	Format Format
	// Secret is empty where the file holds one only.
	Secret string
	Key    string
	Why    string
	Fix    string
}

// Error implements error.
func (e *RefusedError) Error() string {
	if e.Secret != "" {
		return fmt.Sprintf("read %s: secret %q: key %q: %s", e.Format, e.Secret, e.Key, e.Why)
	}
	return fmt.Sprintf("read %s: key %q: %s", e.Format, e.Key, e.Why)
}

// Hint returns what to do about it.
func (e *RefusedError) Hint() string { return e.Fix }

// FileError says why a file is not of its format, or not whole.
type FileError struct {
	Format Format
	// Line counts from 1; it is 0 where no one line is at fault.
	Line int
	Why  string
	Fix  string
}

// Error implements error.
func (e *FileError) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("read %s: line %d: %s", e.Format, e.Line, e.Why)
	}
	return fmt.Sprintf("read %s: %s", e.Format, e.Why)
}

// Hint returns what to do about it.
func (e *FileError) Hint() string { return e.Fix }

// NameError says that Kubernetes takes no Secret or no key of that name.
type NameError struct {
	// Doing is what was tried: "read env".
	Doing string
	// Secret is that of the key; empty where the name is a Secret's, or where the file
	// holds one only.
	Secret string
	Name   string
	IsKey  bool
}

// Error implements error.
func (e *NameError) Error() string {
	switch {
	case !e.IsKey:
		return fmt.Sprintf("%s: %q cannot be the name of a secret", e.Doing, e.Name)
	case e.Secret != "":
		return fmt.Sprintf("%s: secret %q: %q cannot be a key", e.Doing, e.Secret, e.Name)
	default:
		return fmt.Sprintf("%s: %q cannot be a key", e.Doing, e.Name)
	}
}

// Hint returns the form of those that it takes.
func (e *NameError) Hint() string {
	if e.IsKey {
		return "a key has letters, digits, -, _ and ., at most 253, and does not begin with .."
	}
	return "the name of a secret has lower-case letters, digits, - and ., begins and ends with a letter or digit, and has at most 253 characters"
}
