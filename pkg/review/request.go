package review

import (
	"errors"
	"fmt"

	"sigs.k8s.io/json"
)

// The kind and the version of the reviews that Decode reads.
const (
	ReviewKind       = "AdmissionReview"
	ReviewAPIVersion = "admission.k8s.io/v1"
)

// The operations of a Request that an entry can be asked about.
const (
	Create = "CREATE"
	Update = "UPDATE"
)

// Request holds the parts of an AdmissionReview's request that are used here. Object and
// OldObject are parts of the body that it was decoded from: neither may be changed.
type Request struct {
	UID         string
	Kind        GroupVersionKind
	Resource    GroupVersionResource
	SubResource string
	Operation   string
	Namespace   string
	Name        string
	User        User
	DryRun      bool
	// Object and OldObject are JSON, and empty where the request has none.
	Object, OldObject []byte
}

// GroupVersionKind names a kind of object.
type GroupVersionKind struct {
	Group   string `json:"group"`
	Version string `json:"version"`
	Kind    string `json:"kind"`
}

// GroupVersionResource names a kind of object as it stands in URLs.
type GroupVersionResource struct {
	Group    string `json:"group"`
	Version  string `json:"version"`
	Resource string `json:"resource"`
}

// User is the authenticated user who made a request.
type User struct {
	Username string   `json:"username"`
	Groups   []string `json:"groups"`
}

// Decode reads an AdmissionReview of admission.k8s.io/v1, case-sensitively. The error says
// why the body is no review that can be answered. The Request refers to body, which the
// caller leaves alone for as long as it uses the Request.
func Decode(body []byte) (*Request, error) {
	var envelope struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Request    *struct {
			UID         string               `json:"uid"`
			Kind        GroupVersionKind     `json:"kind"`
			Resource    GroupVersionResource `json:"resource"`
			SubResource string               `json:"subResource"`
			Operation   string               `json:"operation"`
			Namespace   string               `json:"namespace"`
			Name        string               `json:"name"`
			UserInfo    User                 `json:"userInfo"`
			DryRun      bool                 `json:"dryRun"`
			Object      part                 `json:"object"`
			OldObject   part                 `json:"oldObject"`
		} `json:"request"`
	}
	if err := json.UnmarshalCaseSensitivePreserveInts(body, &envelope); err != nil {
		return nil, fmt.Errorf("decode AdmissionReview: %w", err)
	}
	r := envelope.Request
	switch {
	case envelope.Kind != ReviewKind || envelope.APIVersion != ReviewAPIVersion:
		return nil, fmt.Errorf("decode AdmissionReview: the body is %q of %q, not %s of %s", envelope.Kind, envelope.APIVersion, ReviewKind, ReviewAPIVersion)
	case r == nil:
		return nil, errors.New("decode AdmissionReview: request is missing or null")
	case r.UID == "":
		return nil, errors.New("decode AdmissionReview: request.uid is missing")
	}
	return &Request{UID: r.UID, Kind: r.Kind, Resource: r.Resource, SubResource: r.SubResource, Operation: r.Operation,
		Namespace: r.Namespace, Name: r.Name, User: r.UserInfo, DryRun: r.DryRun, Object: r.Object, OldObject: r.OldObject}, nil
}

// part is a value of the document that is decoded, left as it stands there.
type part []byte

// UnmarshalJSON keeps b rather than a copy, as json.RawMessage would make: b is
// part of the body, and an object is nearly all of a body.
func (p *part) UnmarshalJSON(b []byte) error {
	if string(b) != "null" {
		*p = b
	}
	return nil
}
