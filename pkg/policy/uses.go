package policy

import (
	"github.com/open-policy-agent/opa/v1/ast"
)

// uses says which costly parts of the document a set of policies looks at: the others
// are left out of it.
type uses struct{ workloadLabels, databaseSpec, roleSpec bool }

// everything is what a policy looks at that one cannot tell of.
var everything = uses{true, true, true}

// usesOf returns what compiled policies look at.
func usesOf(loaded []policy, compiler *ast.Compiler) (u uses) {
	for _, p := range loaded {
		ast.WalkRefs(compiler.Modules[p.file], func(ref ast.Ref) bool {
			u.workloadLabels = u.workloadLabels || reaches(ref, keyWorkload, keyLabels)
			u.databaseSpec = u.databaseSpec || reaches(ref, keyDatabase, keySpec)
			u.roleSpec = u.roleSpec || reaches(ref, keyRole, keySpec)
			return false
		})
	}
	return u
}

// reaches reports whether a reference is to a part of the input, to something in it, or
// to something that holds it.
func reaches(ref ast.Ref, path ...*ast.Term) bool {
	if !ref.HasPrefix(ast.InputRootRef) {
		return false
	}
	for i, key := range path {
		if i+1 >= len(ref) {
			return true
		}
		if at := ref[i+1]; !at.IsGround() {
			return true
		} else if !at.Equal(key) {
			return false
		}
	}
	return true
}
