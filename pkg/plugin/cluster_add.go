package plugin

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// clusterAdd is one call of cluster add.
type clusterAdd struct {
	clusterFlags
	adminUsername, adminPassword string
	credentialsNamespace         string
	check                        bool
	print                        printFlags
	dryRun                       dryRun
}

func newClusterAddCommand(env *Environment) *cobra.Command {
	var add clusterAdd
	cmd := &cobra.Command{
		Use:   "add NAME --endpoint HOST (--credentials-secret NAMESPACE/NAME | --admin-username USER | --credentials-from-env USERVAR,PASSVAR) [flags]",
		Short: "Register a PostgreSQL server",
		Example: `  # With the administrator's credential in a Secret
  kubectl dbtether cluster add main --endpoint db.example.com --credentials-secret dbtether-system/main-admin

  # Let the Secret main-admin be made where dbtether is installed; the password is asked for
  kubectl dbtether cluster add main --endpoint db.example.com --admin-username postgres --credentials-namespace dbtether-system

  # The same in a script
  pass show main | kubectl dbtether cluster add main --endpoint db.example.com --admin-username postgres --admin-password - \
    --credentials-namespace dbtether-system`,
		Args: oneName(clusterKind),
		RunE: func(cmd *cobra.Command, args []string) error {
			return add.run(cmd.Context(), env, args[0], cmd.Flags().Changed)
		},
	}
	add.clusterFlags.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&add.adminUsername, "admin-username", "", "the administrator's user name, for a Secret NAME-admin that is created")
	flags.StringVar(&add.adminPassword, "admin-password", "", "- reads it from stdin, @FILE from a file; unset: it is asked for")
	flags.StringVar(&add.credentialsNamespace, "credentials-namespace", "", "namespace of the Secret that is created (default the current one)")
	flags.BoolVar(&add.check, "check", true, "connect to the server after it was registered")
	add.print.add(cmd, objectFormats)
	add.dryRun.add(cmd)
	must(cmd.MarkFlagRequired("endpoint"))
	cmd.MarkFlagsMutuallyExclusive("credentials-secret", "admin-username", "credentials-from-env")
	cmd.MarkFlagsOneRequired("credentials-secret", "admin-username", "credentials-from-env")
	return cmd
}

func (a *clusterAdd) run(ctx context.Context, env *Environment, name string, given func(string) bool) error {
	if err := a.print.check(); err != nil {
		return err
	}
	if a.adminUsername == "" && (given("admin-password") || given("credentials-namespace")) {
		return Usagef("--admin-password and --credentials-namespace need --admin-username")
	}
	spec, err := a.spec(given)
	if err != nil {
		return err
	}
	secret, err := a.adminSecret(ctx, env, name)
	if err != nil {
		return err
	}
	if secret != nil {
		spec["credentialsSecretRef"] = map[string]any{"namespace": secret.Namespace, "name": secret.Name}
	}
	cluster := newCluster(name, spec)
	if !a.dryRun.client() {
		if cluster, err = a.create(ctx, env, cluster, secret); err != nil {
			return err
		}
	}
	if err := a.print.print(env, cluster, a.dryRun.said("created")); err != nil {
		return err
	}
	if a.dryRun.on() || !a.check {
		return nil
	}
	return env.checkCluster(ctx, cluster)
}

// adminSecret returns the Secret to create, nil where the credential is elsewhere.
func (a *clusterAdd) adminSecret(ctx context.Context, env *Environment, cluster string) (*corev1.Secret, error) {
	if a.adminUsername == "" {
		return nil, nil
	}
	namespace := a.credentialsNamespace
	if namespace == "" {
		var err error
		if namespace, err = env.Namespace(); err != nil {
			return nil, err
		}
	}
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: cluster + "-admin"},
		Type:       corev1.SecretTypeBasicAuth,
	}
	if a.dryRun.client() {
		return secret, nil
	}
	password, err := env.secretValue(ctx, "admin-password", a.adminPassword, "Password of "+a.adminUsername)
	if err != nil {
		return nil, err
	}
	if password == "" {
		return nil, Usagef("the password of %s is empty", a.adminUsername)
	}
	secret.Data = map[string][]byte{
		corev1.BasicAuthUsernameKey: []byte(a.adminUsername),
		corev1.BasicAuthPasswordKey: []byte(password),
	}
	return secret, nil
}

// create makes the Secret, if there is one to make, and the DBCluster. The
// DBCluster is tried first without being stored, so that a mistake in it leaves
// no Secret behind.
func (a *clusterAdd) create(ctx context.Context, env *Environment, cluster *unstructured.Unstructured, secret *corev1.Secret) (*unstructured.Unstructured, error) {
	client, err := env.client(clusterKind, "")
	if err != nil {
		return nil, err
	}
	options := metav1.CreateOptions{
		FieldManager: v1alpha1.FieldManager, FieldValidation: metav1.FieldValidationStrict, DryRun: []string{metav1.DryRunAll},
	}
	tried, err := client.Create(ctx, cluster, options)
	if apierrors.IsAlreadyExists(err) {
		name := cluster.GetName()
		return nil, Hinted(err, "choose another name; change the one that exists with kubectl dbtether cluster update %s, or remove it with kubectl dbtether cluster remove %s", name, name)
	}
	if err != nil {
		return nil, err
	}
	undo := func(context.Context) error { return nil }
	if secret != nil {
		if undo, err = a.createSecret(ctx, env, secret); err != nil {
			return nil, err
		}
	}
	a.warnOfTeam(env, cluster)
	if a.dryRun.server() {
		return tried, nil
	}
	options.DryRun = nil
	created, err := client.Create(ctx, cluster, options)
	if err != nil {
		return nil, errors.Join(err, undo(context.WithoutCancel(ctx)))
	}
	return created, nil
}

// warnOfTeam warns where the administrator's credential is, as far as that can be told, in the
// namespace of a team: one that may use the server, or the current one if none was named.
func (a *clusterAdd) warnOfTeam(env *Environment, cluster *unstructured.Unstructured) {
	namespace, _, _ := unstructured.NestedString(cluster.Object, "spec", "credentialsSecretRef", "namespace")
	unnamed := a.adminUsername != "" && a.credentialsNamespace == "" && namespace != v1alpha1.SystemNamespace
	if unnamed || slices.Contains(a.allowedNamespaces, namespace) {
		env.warn("whoever may read the Secrets of namespace %s has the administrator's password; keep it in one that only the platform team may read, as %s", namespace, v1alpha1.SystemNamespace)
	}
}

// createSecret creates the Secret and returns how to take that back.
func (a *clusterAdd) createSecret(ctx context.Context, env *Environment, secret *corev1.Secret) (undo func(context.Context) error, err error) {
	secrets, err := env.Secrets()
	if err != nil {
		return nil, err
	}
	client := secrets.Secrets(secret.Namespace)
	created, err := client.Create(ctx, secret, metav1.CreateOptions{FieldManager: v1alpha1.FieldManager, DryRun: a.dryRun.options()})
	if err != nil {
		return nil, fmt.Errorf("create Secret %s/%s: %w", secret.Namespace, secret.Name, err)
	}
	env.note("%s", a.dryRun.said(fmt.Sprintf("Secret %s/%s with the administrator's credential created", secret.Namespace, secret.Name)))
	return func(ctx context.Context) error {
		return client.Delete(ctx, created.Name, metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(created.UID))})
	}, nil
}
