package notify

import (
	"encoding/json"
	"time"
)

// contentType is that of one event in structured mode (CloudEvents 1.0, HTTP Protocol
// Binding, section 3.2).
const contentType = "application/cloudevents+json"

// cloudEvent is a change as CloudEvents 1.0 writes it (JSON Event Format).
type cloudEvent struct {
	SpecVersion     string          `json:"specversion"`
	ID              string          `json:"id"`
	Source          string          `json:"source"`
	Type            string          `json:"type"`
	Subject         string          `json:"subject"`
	Time            string          `json:"time"`
	DataContentType string          `json:"datacontenttype"`
	Data            cloudEventsData `json:"data"`
}

type cloudEventsData struct {
	Namespace string   `json:"namespace"`
	Name      string   `json:"name"`
	Revision  int64    `json:"revision"`
	Author    string   `json:"author"`
	Reason    string   `json:"reason"`
	Added     []string `json:"added"`
	Changed   []string `json:"changed"`
	Removed   []string `json:"removed"`
	ExpiresAt string   `json:"expiresAt,omitempty"`
}

// cloudEvent returns the body of the request about a change.
func (c Change) cloudEvent(at time.Time) ([]byte, error) {
	event := cloudEvent{
		SpecVersion: "1.0", ID: c.id(), Type: "io.dbtether.secret." + string(c.Kind),
		Source: "/api/v1/namespaces/" + c.Namespace + "/secrets", Subject: c.Name,
		Time: at.UTC().Format(time.RFC3339Nano), DataContentType: "application/json",
		Data: cloudEventsData{Namespace: c.Namespace, Name: c.Name, Revision: c.Revision, Author: c.Author, Reason: c.Reason,
			Added: list(c.Added), Changed: list(c.Changed), Removed: list(c.Removed)},
	}
	if !c.ExpiresAt.IsZero() {
		event.Data.ExpiresAt = c.ExpiresAt.UTC().Format(time.RFC3339)
	}
	return json.Marshal(event)
}

// list returns names as JSON's [], where there are none.
func list(names []string) []string {
	if names == nil {
		return []string{}
	}
	return names
}
