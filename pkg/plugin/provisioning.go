package plugin

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/dbtether/kubectl-dbtether/pkg/provision"
)

// provisioning is what the commands have in common that plan, show the plan, and
// carry it out.
type provisioning struct {
	print    printFlags
	dryRun   dryRun
	timeout  time.Duration
	wait     bool
	planHash string
	// own is whether only the caller can do it, and no runner for her.
	own bool
	// done is what is said in the end, of the request and its logins; nil: that the
	// database is ready.
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
	progress := env.newProgress()
	defer progress.done()
	p, err := env.provisioner(progress)
	if err != nil {
		return err
	}
	defer p.Close()
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
	started := env.Now()
	var logins func() []string
	var restarts func() provision.Restarts
	var written []string // where the runner works, it tells
	err = p.Provision(ctx, *request, func(job *provision.Job) error {
		progress.done()
		if c.print.human() {
			printPlan(env.Out, planTitle(job), job.Plan, job.Secrets())
		}
		started, logins, restarts, written = env.Now(), job.Logins, job.Restarts, job.Secrets().Written
		return nil
	})
	if needsRunner(err) && c.own {
		return Hinted(err, "whoever may read it has to do this: the runner does not")
	}
	if needsRunner(err) {
		if err := c.submit(ctx, env, p, progress, request); err != nil || !c.wait {
			return err
		}
		var found provision.Restarts
		if request.Restart { // by who asked for it: the runner restarts what asks itself
			if found, err = p.Restart(ctx, request.Users[0].Namespace, request.Users[0].Name); err != nil {
				return err
			}
		}
		logins, restarts = func() []string { return nil }, func() provision.Restarts { return found }
	} else if err != nil {
		return err
	}
	progress.done()
	if err := c.tell(ctx, env, request, logins(), restarts(), env.Now().Sub(started)); err != nil {
		return err
	}
	if request.Rotate || request.Restore != nil {
		env.informOfRotation(ctx, written)
	}
	return notRestarted(env, request.Restart, restarts())
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

// tell prints what came of it: a sentence and the workloads that were restarted, or the
// object that -o asked for.
func (c *provisioning) tell(ctx context.Context, env *Environment, request *provision.Request, logins []string, restarts provision.Restarts, took time.Duration) error {
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
	fmt.Fprintf(env.Out, "%s (%.1f s).\n", said(request, logins), took.Seconds())
	printRestarted(env, restarts.Restarted, "")
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

// next says what one would type now.
func next(env *Environment, request *provision.Request) {
	database := ""
	if request.Database != nil {
		database = request.Database.Name
	} else if refs := request.Users[0].Access(); len(refs) > 0 {
		database = refs[0].Name
	}
	fmt.Fprintf(env.ErrOut, "\nNext:  kubectl dbtether db psql %s\n", database)
	for _, user := range request.Users {
		fmt.Fprintf(env.ErrOut, "       kubectl get secret %s\n", user.SecretName())
	}
}

func orDefault(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}
