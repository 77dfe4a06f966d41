package plugin

import (
	"fmt"
	"strings"

	"github.com/dbtether/kubectl-dbtether/pkg/provision"
)

// tally counts what a run came to.
type tally map[provision.Action]int

// toldFrom is how many resources a run must have had for its tally to be worth a line.
const toldFrom = 10

func (t tally) add(r provision.Result) { t[r.Action]++ }

// tell prints one line on stderr about a run over many resources.
func (t tally) tell(env *Environment) {
	total := 0
	var parts []string
	for _, action := range []provision.Action{provision.ActionUnchanged, provision.ActionProvisioned, provision.ActionDeleted,
		provision.ActionRotated, provision.ActionExpired, provision.ActionPruned, provision.ActionFailed} {
		if n := t[action]; n > 0 {
			total += n
			parts = append(parts, fmt.Sprintf("%d %s", n, action))
		}
	}
	if total >= toldFrom {
		env.note("%d resources: %s", total, strings.Join(parts, ", "))
	}
}
