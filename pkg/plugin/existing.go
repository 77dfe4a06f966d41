package plugin

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/provision"
)

// refuseOther returns an error that names the flags that were given and that an existing
// object does not agree with: create does not change it, and must not seem to. agrees has
// an entry for each flag.
func refuseOther(k kind, name string, given func(string) bool, agrees map[string]bool) error {
	var others []string
	for _, flag := range slices.Sorted(maps.Keys(agrees)) {
		if given(flag) && !agrees[flag] {
			others = append(others, "--"+flag)
		}
	}
	if len(others) == 0 {
		return nil
	}
	err := fmt.Errorf("%s %q exists already, and differs in %s", k.name, name, strings.Join(others, ", "))
	if slices.ContainsFunc(others, func(flag string) bool { return slices.Contains(fixedFlags, flag) }) {
		return Hinted(err, "choose another name: what a database is made with cannot be changed")
	}
	return Hinted(err, "change it: kubectl edit %s %s, then kubectl dbtether reconcile %s/%s", strings.ToLower(k.name), name, k.noun, name)
}

// fixedFlags are about what PostgreSQL decides when it creates a database.
var fixedFlags = []string{"--template", "--encoding", "--lc-collate", "--lc-ctype", "--locale-provider", "--icu-locale", "--builtin-locale"}

func containsAll[T comparable](have, want []T) bool {
	return !slices.ContainsFunc(want, func(x T) bool { return !slices.Contains(have, x) })
}

// orNoLimit fills in the API's default, which objects older than the field lack.
func orNoLimit(limit *int32) *int32 {
	if limit == nil {
		return new(int32(-1))
	}
	return limit
}

// existingOrValid returns the DatabaseUser of that name that exists, or want if there is
// none and the API server finds it valid. It is an error if the existing one has not what
// want asks for, or is being deleted.
func existingOrValid(ctx context.Context, p *provision.Provisioner, want *v1alpha1.DatabaseUser) (*v1alpha1.DatabaseUser, error) {
	have, err := p.User(ctx, want.Namespace, want.Name)
	switch {
	case isNotFound(err):
		return want, p.CreateUser(ctx, want, true)
	case err != nil:
		return nil, err
	}
	if have.DeletionTimestamp != nil {
		return nil, beingDeleted(userKind, want.Name)
	}
	if !containsAll(have.Access(), want.Access()) || want.Spec.Username != "" && have.PostgresName(nil) != want.Spec.Username {
		return nil, Hinted(fmt.Errorf("DatabaseUser %q exists already: %s", want.Name, inWords(have)),
			"choose another name, see it: kubectl dbtether user describe %s, or change it: kubectl dbtether user grant %s", want.Name, want.Name)
	}
	return have, nil
}

// databaseThere returns an error if a Database does not exist, with the names of those that
// do, or if it is being deleted. It returns nil if the caller may not read it: whoever
// provisions the user finds out.
func (e *Environment) databaseThere(ctx context.Context, p *provision.Provisioner, namespace, name string) error {
	db, err := p.Database(ctx, namespace, name)
	if err == nil && db.DeletionTimestamp != nil {
		return Hinted(fmt.Errorf("Database %q is being deleted", name), "choose another Database")
	}
	if own, _ := e.Namespace(); isNotFound(err) {
		hint := "check its name and its namespace"
		if own == namespace {
			hint = e.knownDatabases(ctx)
		}
		return Hinted(fmt.Errorf("Database %q does not exist in namespace %q", name, namespace), "%s", hint)
	}
	if isUnknownResource(err) {
		return err
	}
	return nil
}

// knownDatabases is a hint with the names of the Databases of the current namespace.
func (e *Environment) knownDatabases(ctx context.Context) string {
	if names := e.names(ctx, dbKind, ""); len(names) > 0 {
		return "there are: " + strings.Join(names, ", ")
	}
	return "create it: kubectl dbtether db create NAME --cluster CLUSTER"
}
