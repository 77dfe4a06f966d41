package runner

import (
	"slices"
	"sync"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// claims are the resources that runs of this process are about. Two runs about one resource
// would wait for each other on the server, and each hold a session meanwhile. It is safe for
// concurrent use.
type claims struct {
	mu   sync.Mutex
	held map[key]bool
	// parked has, for a resource that is held, those whose runs found it taken.
	parked map[key][]key
}

func newClaims() *claims { return &claims{held: map[key]bool{}, parked: map[key][]key{}} }

// take claims all of the resources for the work on k, and reports whether it could. Where one
// of them is held, it claims none, and release returns k when that one is free.
func (c *claims) take(k key, all []key) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, one := range all {
		if c.held[one] {
			c.parked[one] = append(c.parked[one], k)
			return false
		}
	}
	for _, one := range all {
		c.held[one] = true
	}
	return true
}

// release gives resources back, and returns those that waited for one of them.
func (c *claims) release(all []key) []key {
	c.mu.Lock()
	defer c.mu.Unlock()
	var waited []key
	for _, one := range all {
		delete(c.held, one)
		waited = append(waited, c.parked[one]...)
		delete(c.parked, one)
	}
	return waited
}

// claimsOfDatabase lists what a run of a Database is about: itself, and its owner.
func claimsOfDatabase(db *v1alpha1.Database) []key {
	all := []key{keyOf(v1alpha1.KindDatabase, db)}
	if db.Spec.Owner != "" {
		all = append(all, key{v1alpha1.KindDatabaseUser, db.Namespace, db.Spec.Owner})
	}
	return all
}

// claimsOfUser lists what a run of a DatabaseUser is about: itself, and the Databases that
// it has or had.
func claimsOfUser(user *v1alpha1.DatabaseUser) []key {
	all := []key{keyOf(v1alpha1.KindDatabaseUser, user)}
	add := func(namespace, name string) {
		k := key{v1alpha1.KindDatabase, namespace, name}
		if !slices.Contains(all, k) {
			all = append(all, k)
		}
	}
	for _, ref := range user.Access() {
		add(ref.Namespace, ref.Name)
	}
	for _, ref := range user.Status.Databases {
		add(ref.Namespace, ref.Name)
	}
	return all
}
