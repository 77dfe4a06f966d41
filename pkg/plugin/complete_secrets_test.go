package plugin

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/revision"
)

func TestCompleteSecrets(t *testing.T) {
	env, core, namespace, _ := secretsOfNamespace(t)
	long := strings.Repeat("long-name-", 7)
	create := func(name string, labels, annotations, data map[string]string) {
		t.Helper()
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels, Annotations: annotations}, StringData: data}
		if _, err := core.Secrets(namespace).Create(t.Context(), secret, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	data := map[string]string{"host": "a", "password": "b", "port": "c"}
	create("api", map[string]string{v1alpha1.LabelManaged: "true"}, map[string]string{v1alpha1.AnnotationKeys: "host,old"}, data)
	create("apis", nil, nil, nil)
	create(long+"x", nil, nil, nil)
	for _, live := range []string{"api", long + "x"} {
		label, value, _ := strings.Cut(revision.Selector(live), "=")
		for _, number := range []int{2, 9, 10} {
			create(fmt.Sprintf("%s.v%d", live, number), map[string]string{label: value}, nil, nil)
		}
		// Of another long name that happens to have the same label.
		create(live+"-other.v7", map[string]string{label: value}, nil, nil)
	}
	names, keys, numbers := completeSecretNames(env), completeSecretKeys(env), completeRevisions(env)
	for name, c := range map[string]struct {
		complete cobra.CompletionFunc
		args     []string
		begun    string
		want     []string
	}{
		"names":               {names, nil, "", []string{"api", "apis", long + "x"}},
		"names that begin so": {names, nil, "apis", []string{"apis"}},
		"a second name":       {names, []string{"api"}, "", nil},
		"keys":                {keys, []string{"api"}, "", []string{"host", "password", "port"}},
		"keys left":           {keys, []string{"api", "host=x", "password"}, "p", []string{"port"}},
		"keys of nothing":     {keys, nil, "", nil},
		"keys of none":        {keys, []string{"gone"}, "", nil},
		"revisions":           {numbers, []string{"api"}, "", []string{"10", "9", "2"}},
		"revisions left":      {numbers, []string{"api", "10"}, "", []string{"9", "2"}},
		"of a long name":      {numbers, []string{long + "x"}, "1", []string{"10"}},
		"revisions of none":   {numbers, []string{"apis"}, "", []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := &cobra.Command{}
			cmd.SetContext(context.Background())
			got, directive := c.complete(cmd, c.args, c.begun)
			if directive&cobra.ShellCompDirectiveNoFileComp == 0 || len(got)+len(c.want) > 0 && !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %q, %d, want %q", got, directive, c.want)
			}
		})
	}
}
