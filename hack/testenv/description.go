package testenv

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

// DescriptionVariable names the environment variable that points test processes
// to the Description of servers to share.
const DescriptionVariable = "DBTETHER_TESTENV"

// Description tells another process of this user how to use running servers. It
// contains their passwords.
type Description struct {
	ControlPlane *ControlPlane `json:"controlPlane,omitempty"`
	PostgreSQL   []*PostgreSQL `json:"postgresql,omitempty"`
}

// Publish writes the description to a temporary file that only this user can
// read, and returns its path, the value for DescriptionVariable. remove removes
// it; if this process is killed, a later environment does.
func (d Description) Publish() (path string, remove func() error, err error) {
	text, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return "", nil, err
	}
	w, err := newWorkspace("servers")
	if err != nil {
		return "", nil, err
	}
	path = w.file("servers.json")
	if err := os.WriteFile(path, append(text, '\n'), 0o600); err != nil {
		return "", nil, errors.Join(err, w.remove())
	}
	return path, w.remove, nil
}

// describedServers reads the file that $DBTETHER_TESTENV names; without the
// variable the result is empty. Servers in it are somebody else's: Stop leaves
// them alone.
func describedServers() (*Description, error) {
	described := &Description{}
	path := os.Getenv(DescriptionVariable)
	if path == "" {
		return described, nil
	}
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, described)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", DescriptionVariable, err)
	}
	return described, nil
}
