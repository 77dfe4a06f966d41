package check

import (
	"fmt"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/provision"
)

// Cluster is what was found of the server of a DBCluster.
type Cluster struct {
	DBCluster v1alpha1.DBCluster
	// Findings are what the server was found to be, nil where it was not asked.
	Findings []provision.Finding
	// Err and Hint are why it could not be asked.
	Err  error
	Hint string
	// NoAccess is set where the caller may not ask: then the status is what is known.
	NoAccess bool
}

// Clusters are all DBClusters.
type Clusters struct {
	Err  error
	Seen []Cluster
}

// The checks of clusters.
const (
	checkClustersRead = "clusters-read"
	checkCluster      = "cluster-server"
	checkClusterState = "cluster-status"
)

// Findings returns what is found of them.
func (c Clusters) Findings() []Finding {
	var f findings
	if f.unreadOurs(checkClustersRead, "the DBClusters", c.Err) {
		return f
	}
	if len(c.Seen) == 0 {
		f.add(checkClustersRead, LevelNote, "register one: kubectl dbtether cluster add --help", "no DBCluster is registered")
	}
	for i := range c.Seen {
		f.cluster(&c.Seen[i])
	}
	return f
}

// cluster adds what was found of one cluster: its warnings and errors, or that it is well.
func (f *findings) cluster(c *Cluster) {
	name := c.DBCluster.Name
	switch {
	case c.NoAccess:
		f.clusterStatus(&c.DBCluster)
		return
	case c.Err != nil:
		fix := fmt.Sprintf("then check it alone: kubectl dbtether cluster check %s", name)
		if c.Hint != "" {
			fix = c.Hint + "; " + fix
		}
		f.add(checkCluster, LevelError, fix, "the server of DBCluster %q cannot be asked: %v", name, c.Err)
		return
	}
	well := true
	for _, x := range c.Findings {
		if x.Level == provision.LevelWarning || x.Level == provision.LevelError {
			well = false
			f.add(checkCluster, Level(x.Level), x.Fix, "DBCluster %q: %s", name, x.Text)
		}
	}
	if well {
		text := "its server answers"
		if len(c.Findings) > 0 {
			text = c.Findings[0].Text
		}
		f.ok(checkCluster, "DBCluster %q: %s", name, text)
	}
}

// clusterStatus says what is known without asking the server.
func (f *findings) clusterStatus(c *v1alpha1.DBCluster) {
	status := c.Status
	asked := "never asked"
	if status.LastCheckTime != nil {
		asked = "asked at " + day(status.LastCheckTime.Time)
	}
	switch status.Phase {
	case v1alpha1.PhaseConnected:
		f.ok(checkClusterState, "DBCluster %q: connected to PostgreSQL %s, %s", c.Name, status.PostgresVersion, asked)
	case v1alpha1.PhaseFailed:
		f.add(checkClusterState, LevelError, "have somebody who has its administrator's credential run: kubectl dbtether cluster check "+c.Name, "DBCluster %q, %s: %s", c.Name, asked, status.Message)
	default:
		f.add(checkClusterState, LevelNote, "", "DBCluster %q: its administrator's credential is not at hand, and its server was %s", c.Name, asked)
	}
}
