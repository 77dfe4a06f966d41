package secret

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Rotation says which keys of a Secret get new values, how, and after how many days.
type Rotation struct {
	Days int
	Keys map[string]Rule

	// others are fields of the JSON that this version does not know; they are kept.
	others fields
}

// MaxRotationDays is how many days a rotation waits at most.
const MaxRotationDays = 3650

// Interval is the time between two rotations.
func (r Rotation) Interval() time.Duration { return time.Duration(r.Days) * 24 * time.Hour }

// With returns the rules with keys added or, where they are there, replaced. It does not
// change r.
func (r Rotation) With(days int, keys map[string]Rule) Rotation {
	r.Days, r.Keys = days, maps.Clone(r.Keys)
	if r.Keys == nil {
		r.Keys = map[string]Rule{}
	}
	for key, rule := range keys {
		rule.others = r.Keys[key].others
		r.Keys[key] = rule
	}
	return r
}

// Without returns the rules without those of some keys. It does not change r.
func (r Rotation) Without(keys ...string) Rotation {
	r.Keys = maps.Clone(r.Keys)
	for _, key := range keys {
		delete(r.Keys, key)
	}
	return r
}

// fields are the fields of a JSON object, by name.
type fields map[string]json.RawMessage

// The known fields.
const (
	fieldDays      = "days"
	fieldKeys      = "keys"
	fieldGenerator = "generator"
	fieldLength    = "length"
)

// ParseRotation reads what String has written:
//
//	{"days":30,"keys":{"API_KEY":{"generator":"alnum","length":32}}}
//
// It fails on values of another type, unknown generators, and lengths and days out of range.
// Unknown fields are kept.
func ParseRotation(text string) (Rotation, error) {
	var object fields
	if err := json.Unmarshal([]byte(text), &object); err != nil {
		return Rotation{}, fmt.Errorf("it is no JSON object: %w", err)
	}
	var r Rotation
	keys := map[string]fields{}
	if err := object.take(fieldDays, &r.Days); err != nil {
		return Rotation{}, err
	}
	if err := object.take(fieldKeys, &keys); err != nil {
		return Rotation{}, err
	}
	r.Keys, r.others = make(map[string]Rule, len(keys)), object
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		rule, err := parseRule(keys[key])
		if err != nil {
			return Rotation{}, fmt.Errorf("key %q: %w", key, err)
		}
		r.Keys[key] = rule
	}
	return r, r.check()
}

func parseRule(object fields) (Rule, error) {
	var r Rule
	if object == nil {
		return r, fmt.Errorf("its rule is no JSON object")
	}
	if err := object.take(fieldGenerator, &r.Generator); err != nil {
		return r, err
	}
	if err := object.take(fieldLength, &r.Length); err != nil {
		return r, err
	}
	r.others = object
	return r, r.Check()
}

// check returns what is wrong with the rules as a whole.
func (r Rotation) check() error {
	switch {
	case r.Days < 1 || r.Days > MaxRotationDays:
		return fmt.Errorf("%s is between 1 and %d, not %d", fieldDays, MaxRotationDays, r.Days)
	case len(r.Keys) == 0:
		return fmt.Errorf("%s names no key", fieldKeys)
	}
	for _, key := range slices.Sorted(maps.Keys(r.Keys)) {
		if err := CheckKey(key); err != nil {
			return err
		}
	}
	return nil
}

// take reads a field into a value and removes it from f. Where the field is absent, the value
// stays as it is.
func (f fields) take(name string, into any) error {
	text, has := f[name]
	if !has {
		return nil
	}
	delete(f, name)
	if err := json.Unmarshal(text, into); err != nil || string(text) == "null" {
		return fmt.Errorf("%s cannot be %s", name, text)
	}
	return nil
}

// String returns the rules as compact JSON, the same for the same rules. No value is in
// it.
func (r Rotation) String() string {
	keys := make(map[string]fields, len(r.Keys))
	for key, rule := range r.Keys {
		keys[key] = rule.others.with(fieldGenerator, rule.generator())
		if rule.Length != 0 {
			keys[key] = keys[key].with(fieldLength, rule.Length)
		}
	}
	text, _ := json.Marshal(r.others.with(fieldDays, r.Days).with(fieldKeys, keys)) // numbers and strings: it cannot fail
	return string(text)
}

// with returns the fields with one more. It does not change f.
func (f fields) with(name string, value any) fields {
	more := maps.Clone(f)
	if more == nil {
		more = fields{}
	}
	more[name], _ = json.Marshal(value)
	return more
}
