package policy

import (
	"slices"
	"strings"
)

// except returns the findings that deny, and those that an exception keeps from denying. An
// exception ends at its time Expires. Findings that say that a policy failed have no
// exceptions.
func (e *Engine) except(input *Input, denied []Finding) (deny []Finding, excepted []Excepted) {
	if len(denied) == 0 || len(e.exceptions) == 0 {
		return denied, nil
	}
	for _, finding := range denied {
		i := slices.IndexFunc(e.exceptions, func(x Exception) bool { return x.covers(input, finding) })
		if i < 0 {
			deny = append(deny, finding)
			continue
		}
		x := e.exceptions[i]
		excepted = append(excepted, Excepted{finding, x.Name, x.Reason, x.Expires})
	}
	return deny, excepted
}

// covers reports whether an exception is about a finding on an input.
func (x Exception) covers(input *Input, finding Finding) bool {
	return finding.Code != CodeError && (x.Policy == finding.Policy || x.Policy == finding.Code) &&
		input.Now.Before(x.Expires) &&
		(x.Namespace == "" || x.Namespace == input.Namespace.Name) &&
		(x.Kind == "" || x.Kind == input.Request.Kind) &&
		(x.Object == "" || x.Object == input.Request.Name)
}

// boundExcepted is bound for a list with exceptions.
func boundExcepted(list []Excepted) []Excepted {
	slices.SortFunc(list, func(a, b Excepted) int {
		if order := order(a.Finding, b.Finding); order != 0 {
			return order
		}
		return strings.Compare(a.Exception, b.Exception)
	})
	list = slices.Compact(list)
	if len(list) > maxFindings {
		return slices.Clip(list[:maxFindings])
	}
	return list
}
