package plugin

import (
	"errors"
	"fmt"

	"github.com/dbtether/kubectl-dbtether/pkg/provision"
)

// printRestarted prints a line of stdout for each workload that was restarted.
func printRestarted(env *Environment, workloads []string, where string) {
	for _, workload := range workloads {
		fmt.Fprintf(env.Out, "%s restarted%s\n", workload, where)
	}
}

// notRestarted warns of what has the old credential and cannot be restarted, and of
// restarts that failed. If the user asked for the restarts, a failed one is the error
// instead; if only the workloads ask for it, by their annotation, it stays a warning.
func notRestarted(env *Environment, asked bool, restarts provision.Restarts) error {
	for _, left := range restarts.Left {
		env.warn("%s", left)
	}
	if !asked {
		for _, failed := range restarts.Failed {
			env.warn("%s", failed.Warning())
		}
		return nil
	}
	switch failed := restarts.Failed; len(failed) {
	case 0:
		return nil
	case 1:
		return failed[0]
	default:
		for _, one := range failed {
			env.report(one)
		}
		return errNotAllRestarted
	}
}

// errNotAllRestarted follows several failed restarts that were printed one by one.
var errNotAllRestarted = errors.New("not all was restarted that has the old credential in its environment")
