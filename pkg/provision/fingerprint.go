package provision

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// planVersion is part of every fingerprint: a build that plans otherwise reads all
// again.
const planVersion = "1"

// databaseFingerprint identifies what a database is made from and what the server says
// of it: while it is the same, a full read would find nothing to do.
func databaseFingerprint(db *v1alpha1.Database, cluster *v1alpha1.DBCluster, onServer string) string {
	return digest(db.UID, db.Generation, cluster.UID, cluster.Generation, onServer)
}

// userFingerprint identifies what a login and its Secrets are made from: the
// databases by their UIDs, the Secrets by their versions.
func (u *userJob) fingerprint(cluster *v1alpha1.DBCluster) string {
	parts := []any{u.user.UID, u.user.Generation, cluster.UID, cluster.Generation, u.rotation.login}
	for _, a := range u.access {
		parts = append(parts, a.db.UID, a.name, a.Privileges)
	}
	for _, s := range u.secrets {
		if s.version == "" {
			return ""
		}
		parts = append(parts, s.target.Name, s.version)
	}
	return digest(parts...)
}

func digest(parts ...any) string {
	var text strings.Builder
	for _, part := range parts {
		fmt.Fprintf(&text, "%v\n", part)
	}
	sum := sha256.Sum256([]byte(planVersion + "\n" + text.String()))
	return hex.EncodeToString(sum[:16])
}
