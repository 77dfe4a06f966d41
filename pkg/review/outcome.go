package review

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/dbtether/kubectl-dbtether/pkg/policy"
)

// Outcome is the answer to a request.
type Outcome struct {
	Allowed bool
	// Code is an HTTP status code, 200 where the request is allowed.
	Code int32
	// Message says in one line why the request is denied: "CODE: message. Fix.",
	// several of them joined by "; ".
	Message string
	// Warnings are shown to the user by kubectl, one line each.
	Warnings []string
	// Patch is a JSON Patch (RFC 6902), nil where there is nothing to change.
	Patch []byte
	// Findings are what Message was made of.
	Findings []policy.Finding
	// Decision is what the policies said, for the log and the metrics. It has no revision where
	// they were not asked, or where none could be loaded.
	Decision policy.Decision
}

// The policies by which the owner of a database shares it with other namespaces.
const (
	policyShared      = "dbtether.policies.resources.cross_namespace"
	policySharedAdmin = "dbtether.policies.resources.admin_privilege"
)

// NotShared reports whether the only objection to the request is that databases of other
// namespaces are not shared with its own, or not with the privileges that it asks for.
func (o Outcome) NotShared() bool {
	return !o.Allowed && len(o.Findings) > 0 && !slices.ContainsFunc(o.Findings, func(f policy.Finding) bool {
		return f.Policy != policyShared && f.Policy != policySharedAdmin
	})
}

// allow returns the outcome of a request that nothing was found against.
func allow() Outcome { return Outcome{Allowed: true, Code: http.StatusOK} }

// deny returns the outcome of a request that is denied because of the findings. Without
// findings it allows.
func deny(findings []policy.Finding) Outcome {
	if len(findings) == 0 {
		return allow()
	}
	return Outcome{Code: http.StatusForbidden, Message: message(findings), Findings: findings}
}

// invalid returns the outcome of a request that this entry cannot answer.
func invalid(text string) Outcome {
	return Outcome{Code: http.StatusBadRequest, Message: text}
}

// codeObject is the code of an object that is not of its schema.
const codeObject = "OBJECT-INVALID"

// unreadable returns the outcome of a request whose object cannot be read.
func unreadable(cause error) Outcome { return invalid(codeObject + ": " + cause.Error() + ".") }

// undecided returns the outcome of a request of which too little could be found out.
func undecided(cause error) Outcome {
	outcome := deny([]policy.Finding{{Code: codeUndecided, Message: "nothing can be decided: " + cause.Error(),
		Fix: `try again; if that does not help, "kubectl dbtether check" finds what is wrong`}})
	outcome.Code = http.StatusInternalServerError
	return outcome
}

// codeUndecided is the code of a denial that is not about the request.
const codeUndecided = "NOT-DECIDED"

// message joins findings to one line. What is found in several places is said once.
func message(findings []policy.Finding) string {
	lines := make([]string, 0, len(findings))
	for _, f := range findings {
		if text := strings.TrimSuffix(line(f), "."); !slices.Contains(lines, text) {
			lines = append(lines, text)
		}
	}
	return strings.Join(lines, "; ") + "."
}

// line returns "CODE: message. Fix.", each sentence with exactly one full stop.
func line(f policy.Finding) string {
	text := f.Code + ": " + sentence(f.Message)
	if f.Fix != "" {
		text += " " + sentence(capital(f.Fix))
	}
	return OneLine(text)
}

// OneLine returns a text in one line, without control characters. What a policy quotes may
// have line breaks, or sequences that a terminal obeys.
func OneLine(text string) string {
	return strings.Map(printable, strings.Join(strings.Fields(text), " "))
}

// exceptedLine returns "CODE: message. Allowed until TIME by EXCEPTION: reason."
func exceptedLine(x policy.Excepted) string {
	return line(policy.Finding{Code: x.Code, Message: x.Message,
		Fix: fmt.Sprintf("allowed until %s by %s: %s", x.Expires.UTC().Format(time.RFC3339), x.Exception, x.Reason)})
}

func printable(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return unicode.ReplacementChar
}

func sentence(text string) string {
	text = strings.TrimSpace(text)
	if text == "" || strings.HasSuffix(text, ".") {
		return text
	}
	return text + "."
}

// capital turns the first letter of a sentence into a capital one.
func capital(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	if size == 0 {
		return ""
	}
	return string(unicode.ToUpper(first)) + text[size:]
}
