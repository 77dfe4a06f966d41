package plugin

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/dbtether/kubectl-dbtether/pkg/provision"
)

// provisioning is what the commands have in common that plan, show the plan, and carry it
// out: db create, user create, grant, revoke and rotate, and secret rollback of a
// credential.
type provisioning struct {
	print    printFlags
	dryRun   dryRun
	timeout  time.Duration
	wait     bool
	planHash string
	// own is whether only the caller can do it, and no runner in her place.
	own bool
	// done returns the sentence that ends the output; nil: readySentence.
	done func(request *provision.Request, logins []string) string
}

func (c *provisioning) add(cmd *cobra.Command) {
	c.print.add(cmd, objectFormats)
	c.dryRun.add(cmd)
	cmd.Flags().DurationVar(&c.timeout, "timeout", 2*time.Minute, "how long it may take")
	cmd.Flags().BoolVar(&c.wait, "wait", true, "wait for the runner, where only that may do the work")
	cmd.Flags().StringVar(&c.planHash, "plan-hash", "", "carry out only the plan that has this hash, as --dry-run shows it")
}

// provision gathers a request, shows its plan and carries it out. Where the caller may
// not, it hands the resources to the runner.
func (c *provisioning) provision(ctx context.Context, env *Environment, gather func(context.Context, *provision.Provisioner) (*provision.Request, error)) error {
	if err := c.print.check(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	p, progress, end, err := env.provisionerWithProgress()
	if err != nil {
		return err
	}
	defer end()
	request, err := gather(ctx, p)
	if apierrors.IsAlreadyExists(err) { // somebody else was first: then it is about what exists
		request, err = gather(ctx, p)
	}
	if err != nil {
		return err
	}
	request.PlanHash = c.planHash
	if c.dryRun.on() {
		return c.showPlan(ctx, env, p, progress, request)
	}
	done, err := c.carryOut(ctx, env, p, progress, request)
	if needsRunner(err) {
		done, err = c.handOver(ctx, env, p, progress, request, err)
	}
	if err != nil || done == nil {
		return err
	}
	progress.done()
	if err := c.tell(ctx, env, request, done); err != nil {
		return err
	}
	return notRestarted(env, request.Restart, done.restarts)
}

// carriedOut is what came of a request.
type carriedOut struct {
	logins   []string // those that were seen to log in
	restarts provision.Restarts
	took     time.Duration
}

// carryOut shows the plan of a request and carries it out. The time begins with the plan.
// What is rotated is announced, also where something fails after it.
func (c *provisioning) carryOut(ctx context.Context, env *Environment, p *provision.Provisioner, progress *progress, request *provision.Request) (*carriedOut, error) {
	started := env.Now()
	var planned *provision.Job
	done := &carriedOut{}
	err := p.Provision(ctx, *request, func(job *provision.Job) error {
		progress.done()
		if c.print.human() {
			printPlan(env.Out, planTitle(job), job.Plan, job.Secrets())
		}
		started, planned = env.Now(), job
		return nil
	})
	if planned != nil && (request.Rotate || request.Restore != nil) {
		progress.done()
		env.informOfRotation(ctx, planned.Promoted())
	}
	if err != nil {
		return nil, err
	}
	done.logins, done.restarts, done.took = planned.Logins(), planned.Restarts(), env.Now().Sub(started)
	return done, nil
}

// handOver leaves to the runner what the caller may not do, which is the cause. It returns
// nil if nobody waits for the runner.
func (c *provisioning) handOver(ctx context.Context, env *Environment, p *provision.Provisioner, progress *progress, request *provision.Request, cause error) (*carriedOut, error) {
	if c.own {
		return nil, Hinted(cause, "whoever may read it has to do this: the runner does not")
	}
	started := env.Now()
	if err := c.submit(ctx, env, p, progress, request); err != nil || !c.wait {
		return nil, err
	}
	done := &carriedOut{}
	if request.Restart { // by who asked for it: the runner restarts only what asks itself
		var err error
		if done.restarts, err = p.Restart(ctx, request.Users[0].Namespace, request.Users[0].Name); err != nil {
			return nil, err
		}
	}
	done.took = env.Now().Sub(started)
	return done, nil
}

// showPlan prints what would be done.
func (c *provisioning) showPlan(ctx context.Context, env *Environment, p *provision.Provisioner, progress *progress, request *provision.Request) error {
	job, err := p.Open(ctx, *request, true)
	if needsRunner(err) {
		return Hinted(err, "the plan can be shown by who may read it: leave --dry-run out to hand the resource to the runner")
	}
	if err != nil {
		return err
	}
	defer job.Close()
	progress.done()
	return showJob(ctx, env, &c.print, job, request.Restart)
}

// tell prints what came of a request: a sentence and the workloads that were restarted, or
// the object that -o asked for.
func (c *provisioning) tell(ctx context.Context, env *Environment, request *provision.Request, done *carriedOut) error {
	if !c.print.human() {
		object, err := made(ctx, env, request)
		if err != nil {
			return err
		}
		return c.print.print(env, object, "")
	}
	said := readySentence
	if c.done != nil {
		said = c.done
	}
	fmt.Fprintf(env.Out, "%s (%.1f s).\n", said(request, done.logins), done.took.Seconds())
	printRestarted(env, done.restarts.Restarted, "")
	for _, user := range request.Users {
		if err := env.notExpired(user); err != nil {
			env.warn("%v", err)
		}
	}
	if env.Terminal.Err {
		next(env, request)
	}
	return nil
}

// made reads the object that a request is about.
func made(ctx context.Context, env *Environment, request *provision.Request) (*unstructured.Unstructured, error) {
	if db := request.Database; db != nil {
		return env.get(ctx, dbKind, db.Namespace, db.Name)
	}
	user := request.Users[0]
	return env.get(ctx, userKind, user.Namespace, user.Name)
}

// readySentence says that a database or a user is ready, and who can log in.
func readySentence(request *provision.Request, logins []string) string {
	var said string
	if request.Database != nil {
		said = "Database " + request.Database.Name + " is ready"
	} else {
		said = "User " + request.Users[0].Name + " is ready"
	}
	for _, login := range logins {
		said += fmt.Sprintf(", %s can log in", login)
	}
	return said
}

// next suggests on stderr what to type now.
func next(env *Environment, request *provision.Request) {
	psql := "db psql "
	if request.Database != nil {
		psql += request.Database.Name
	} else {
		user := request.Users[0]
		first := user.Access()[0]
		psql += first.Name
		if first.Namespace != user.Namespace {
			psql += fmt.Sprintf(" -n %s --user %s/%s", first.Namespace, user.Namespace, user.Name)
		}
	}
	fmt.Fprintf(env.ErrOut, "\nNext:  kubectl dbtether %s\n", psql)
	for _, user := range request.Users {
		var secrets []string
		for _, a := range user.Access() {
			secrets = append(secrets, secretFor(user, a.Name))
		}
		for _, name := range slices.Compact(secrets) {
			fmt.Fprintf(env.ErrOut, "       kubectl get secret %s\n", name)
		}
	}
}

func orDefault(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}
