package policy

import (
	"github.com/open-policy-agent/opa/v1/ast"
)

// uses says which costly parts of the document a set of policies looks at. Those that it does
// not look at are left out of the document.
type uses struct{ workloadLabels, databaseSpec, roleSpec bool }

// usesOf returns which costly parts compiled policies look at. A reference that could lead to
// any of them, like input[x], counts for all.
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

// reaches reports whether a reference may be to the part of the input at the path, to something
// in it, or to something that contains it.
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
