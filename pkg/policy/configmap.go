package policy

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The label of a ConfigMap that adds to the policies, and its values.
const (
	// LabelPolicy is on every such ConfigMap.
	LabelPolicy = "dbtether.io/policy"
	// LabelPolicyRules is its value where the data is Rego: *.rego, and *_test.rego.
	LabelPolicyRules = "true"
	// LabelPolicyException is its value where the data is one exception: policy, reason
	// and expires, and namespace or kind and object, or all three.
	LabelPolicyException = "exception"
	// LabelPolicyModes is its value where the data is a mode for each policy.
	LabelPolicyModes = "modes"
)

// maxException is how long an exception may last: one that is to last longer is better a
// condition in the rule.
const maxException = 366 * 24 * time.Hour

// Document is a ConfigMap.
type Document struct {
	metav1.ObjectMeta
	Data map[string]string
}

func (d Document) source() string { return "configmap " + d.Namespace + "/" + d.Name }

// ReadSet returns what ConfigMaps with the label LabelPolicy add to the policies, in the
// order of their names. Exceptions and modes that it does not understand are left out, so
// that policies stay as strict as they are, and are among the Problems of the set. An
// exception may last for a year from the creation of its ConfigMap, or from now where that
// has no creation time. It does no I/O.
func ReadSet(documents []Document, now time.Time) Set {
	documents = slices.SortedFunc(slices.Values(documents), func(a, b Document) int { return strings.Compare(a.source(), b.source()) })
	set := Set{Modes: map[string]Mode{}}
	for _, d := range documents {
		switch kind := d.Labels[LabelPolicy]; kind {
		case LabelPolicyRules:
			set.Sources = append(set.Sources, Source{Name: d.source(), Files: d.Data})
			if !slices.ContainsFunc(slices.Collect(maps.Keys(d.Data)), func(file string) bool { return isRego(file) && !isTest(file) }) {
				set.Problems = append(set.Problems, d.source()+" has no policy: its data has no key that ends in .rego")
			}
		case LabelPolicyException:
			exception, err := readException(d, now)
			if err != nil {
				set.Problems = append(set.Problems, fmt.Sprintf("%s is no exception: %v", d.source(), err))
				continue
			}
			set.Exceptions = append(set.Exceptions, exception)
		case LabelPolicyModes:
			set.Problems = append(set.Problems, readModes(d, set.Modes)...)
		default:
			set.Problems = append(set.Problems, fmt.Sprintf("%s has the label %s=%s, which means nothing: it is %s, %s or %s",
				d.source(), LabelPolicy, kind, LabelPolicyRules, LabelPolicyException, LabelPolicyModes))
		}
	}
	return set
}

// The keys of an exception.
const (
	exceptionPolicy    = "policy"
	exceptionNamespace = "namespace"
	exceptionKind      = "kind"
	exceptionObject    = "object"
	exceptionReason    = "reason"
	exceptionExpires   = "expires"
)

func readException(d Document, now time.Time) (Exception, error) {
	known := []string{exceptionPolicy, exceptionNamespace, exceptionKind, exceptionObject, exceptionReason, exceptionExpires}
	for _, key := range slices.Sorted(maps.Keys(d.Data)) {
		if !slices.Contains(known, key) { // it may have been meant to narrow the exception
			return Exception{}, fmt.Errorf("it has the key %s; there are: %s", key, strings.Join(known, ", "))
		}
	}
	value := func(key string) string { return strings.TrimSpace(d.Data[key]) }
	e := Exception{Name: d.source(), Policy: value(exceptionPolicy), Namespace: value(exceptionNamespace), Kind: value(exceptionKind),
		Object: value(exceptionObject), Reason: value(exceptionReason)}
	var err error
	switch {
	case e.Policy == "":
		return e, errors.New("its policy is not set: the package of a policy, or the code of a rule")
	case e.Namespace == "" && (e.Kind == "" || e.Object == ""):
		return e, errors.New("it is about everything: set namespace, or kind and object")
	case e.Reason == "":
		return e, errors.New("its reason is not set")
	case value(exceptionExpires) == "":
		return e, errors.New("its expires is not set: a time like 2030-01-31T00:00:00Z")
	}
	if e.Expires, err = readTime(value(exceptionExpires)); err != nil {
		return e, err
	}
	if made := d.CreationTimestamp.Time; !made.IsZero() {
		now = made
	}
	if latest := now.Add(maxException); e.Expires.After(latest) {
		return e, fmt.Errorf("it lasts longer than a year: expires is %s, at the latest it can be %s", value(exceptionExpires), latest.UTC().Format(time.DateOnly))
	}
	return e, nil
}

// readTime reads a time. For a day it returns its end in UTC.
func readTime(text string) (time.Time, error) {
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return day.AddDate(0, 0, 1), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, fmt.Errorf("expires is %q, not a time like 2030-01-31T00:00:00Z or a day like 2030-01-31", text)
	}
	return at, nil
}

// readModes adds the modes of a ConfigMap to known. A policy that has one already gets the
// stricter of the two.
func readModes(d Document, known map[string]Mode) (problems []string) {
	for _, name := range slices.Sorted(maps.Keys(d.Data)) {
		mode := Mode(strings.TrimSpace(d.Data[name]))
		if !slices.Contains(modes(), mode) {
			problems = append(problems, fmt.Sprintf("%s: mode of policy %s is %q, not %s", d.source(), name, d.Data[name], orList(modes())))
			continue
		}
		if other, twice := known[name]; twice && slices.Index(modes(), other) < slices.Index(modes(), mode) {
			mode = other
		}
		known[name] = mode
	}
	return problems
}
