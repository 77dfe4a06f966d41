package runner

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// leaseName is that of the Lease in dbtether's own namespace.
const leaseName = "dbtether-runner"

// A runner that has not renewed the lease for leaseDuration may lose it to another one. It
// gives up by itself after renewDeadline, which is shorter, so that two never work at once.
const (
	leaseDuration = 15 * time.Second
	renewDeadline = 10 * time.Second
	retryPeriod   = 2 * time.Second
)

// errLeaseLost says that the API server did not let us renew the lease in time.
var errLeaseLost = errors.New("the lease of the runner could not be renewed in time: another runner may be at work")

// elect waits for the lease, works while it holds it, and gives it back when ctx ends
// and all that was begun is finished.
func (r *runner) elect(ctx context.Context) error {
	holding, release := context.WithCancel(context.WithoutCancel(ctx))
	defer release()
	var began atomic.Bool
	defer context.AfterFunc(ctx, func() {
		if !began.Load() {
			release()
		}
	})()
	over := make(chan error, 1)
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock: &resourcelock.LeaseLock{LeaseMeta: metav1.ObjectMeta{Namespace: v1alpha1.SystemNamespace, Name: leaseName}, Client: r.Leases,
			LockConfig: resourcelock.ResourceLockConfig{Identity: r.Identity}},
		LeaseDuration: leaseDuration, RenewDeadline: renewDeadline, RetryPeriod: retryPeriod, ReleaseOnCancel: true, Name: leaseName,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(lost context.Context) {
				began.Store(true)
				over <- r.lead(ctx, lost)
				release()
			},
			OnStoppedLeading: func() {},
			OnNewLeader: func(identity string) {
				r.elected.Store(true)
				r.Log.Info("leader", "identity", identity, "self", identity == r.Identity)
			},
		},
	})
	if err != nil {
		return err
	}
	r.Log.Info("waiting for the lease", "lease", v1alpha1.SystemNamespace+"/"+leaseName, "identity", r.Identity)
	elector.Run(holding)
	lost := holding.Err() == nil
	if began.Load() {
		err = <-over
	}
	if err == nil && lost && ctx.Err() == nil {
		return errLeaseLost
	}
	return err
}
