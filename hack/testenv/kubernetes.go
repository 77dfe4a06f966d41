package testenv

import "fmt"

// Kubernetes chooses the version of a control plane. As a flag it is one of two words.
type Kubernetes string

// The versions that a control plane can have.
const (
	Newest Kubernetes = ""       // what hack/controlplane pins
	Oldest Kubernetes = "oldest" // what hack/controlplane/oldest pins: the oldest that dbtether supports
)

// newestWord is Newest as the word of a flag.
const newestWord = "newest"

// String is the word of a flag.
func (k *Kubernetes) String() string {
	if *k == Newest {
		return newestWord
	}
	return string(*k)
}

// Set takes the word of a flag.
func (k *Kubernetes) Set(word string) error {
	switch word {
	case newestWord:
		*k = Newest
	case string(Oldest):
		*k = Oldest
	default:
		return fmt.Errorf("%q is neither %s nor %s", word, newestWord, Oldest)
	}
	return nil
}

// Type is what a flag takes, for its help.
func (k *Kubernetes) Type() string { return "version" }
