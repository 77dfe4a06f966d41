package plugin_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/rest"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
	"github.com/dbtether/kubectl-dbtether/pkg/plugin"
)

// TestUninstallKeepsWhatWasMadeMeanwhile lets a team make a user while the definitions are
// being removed: they stay, and so does her credential, until the command runs again.
func TestUninstallKeepsWhatWasMadeMeanwhile(t *testing.T) {
	c := newInstallCluster(t)
	if err := c.server.Apply("crd/*.yaml"); err != nil {
		t.Fatal(err)
	}
	c.do("create", "namespace", "shop")
	c.apply("apiVersion: dbtether.io/v1alpha1\nkind: Database\nmetadata: {name: orders, namespace: shop}\nspec: {clusterRef: {name: main}}\n")
	owners := func() string {
		return c.do("get", "secret", "late-credentials", "-n", "shop", "-o", "jsonpath={.metadata.ownerReferences[*].name}")
	}

	err := c.uninstallDefinitions(func() {
		c.apply("apiVersion: dbtether.io/v1alpha1\nkind: DatabaseUser\nmetadata: {name: late, namespace: shop, finalizers: [dbtether.io/finalizer]}\n" +
			"spec: {databaseRef: {name: orders}, privileges: readonly}\n")
		uid := c.do("get", "databaseuser", "late", "-n", "shop", "-o", "jsonpath={.metadata.uid}")
		c.apply("apiVersion: v1\nkind: Secret\nmetadata: {name: late-credentials, namespace: shop, ownerReferences: " +
			"[{apiVersion: dbtether.io/v1alpha1, kind: DatabaseUser, name: late, uid: " + uid + "}]}\n")
	})
	var hinted interface{ Hint() string }
	if err == nil || err.Error() != "the definitions stay, as resources were made meanwhile: DatabaseUser shop/late" ||
		!errors.As(err, &hinted) || hinted.Hint() != "look at them, and run the command again if they are to go, too" {
		t.Errorf("got %v", err)
	}
	if got := strings.Count(c.do("get", "customresourcedefinitions", "-o", "name"), "\n"); got != 3 {
		t.Errorf("%d definitions are left", got)
	}
	if going := c.do("get", "databaseuser", "late", "-n", "shop", "-o", "jsonpath={.metadata.deletionTimestamp}"); going != "" {
		t.Error("the new resource is being deleted")
	}
	if got := owners(); got != "late" {
		t.Errorf("its credential belongs to %q", got)
	}

	if err := c.uninstallDefinitions(func() {}); err != nil {
		t.Error(err)
	}
	testenv.Within(t, time.Minute, "no definition", func() error {
		if left := c.do("get", "customresourcedefinitions", "-o", "name"); left != "" {
			return fmt.Errorf("there is %s", left)
		}
		return nil
	})
	if got := owners(); got != "" {
		t.Errorf("the credential goes with %q", got)
	}
}

// uninstallDefinitions runs uninstall --crds in this process, lets something happen after its
// first deletion, and returns its error.
func (c installCluster) uninstallDefinitions(happens func()) error {
	c.t.Helper()
	var out bytes.Buffer
	env := plugin.NewEnvironment(genericiooptions.IOStreams{In: strings.NewReader(""), Out: &out, ErrOut: &out}, "v0.0.0-test")
	tuned, once := env.Config.WrapConfigFn, sync.OnceFunc(happens)
	env.Config.WrapConfigFn = func(config *rest.Config) *rest.Config {
		config = tuned(config)
		config.Wrap(func(next http.RoundTripper) http.RoundTripper {
			return roundTrip(func(request *http.Request) (*http.Response, error) {
				response, err := next.RoundTrip(request)
				if request.Method == http.MethodDelete && err == nil && response.StatusCode == http.StatusOK {
					once()
				}
				return response, err
			})
		})
		return config
	}
	root := plugin.New(env)
	root.SetArgs([]string{"--kubeconfig", c.server.Kubeconfig, "uninstall", "--yes", "--crds", "--delete-resources"})
	err := root.ExecuteContext(c.t.Context())
	c.t.Logf("it said\n%s", &out)
	return err
}
