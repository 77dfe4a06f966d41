package admission

import (
	"testing"
	"time"

	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

// A clock that jumps by months replaces the certificate once, and once more when it is put
// right: never is one served that is not valid by it, nor trusted one that is not served.
func TestCertificateWhenTheClockJumps(t *testing.T) {
	config, err := clientcmd.BuildConfigFromFlags("", testenv.SharedControlPlane(t).Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	core, err := corev1client.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	for name, source := range map[string]certificateSource{"in memory": certificateMemory{testWanted},
		"in a Secret": certificateSecret{client: core.Secrets("default"), name: "clock", wanted: testWanted}} {
		t.Run(name, func(t *testing.T) {
			r := newRotation(source)
			var serials []string
			look := func() {
				t.Helper()
				for range 5 { // a loop would show
					if err := r.refresh(t.Context()); err != nil {
						t.Fatal(err)
					}
					r.clock = r.clock.Add(certificateSettle)
				}
				if err := r.ready(); err != nil {
					t.Errorf("%s: %v", r.clock, err)
				}
				if err := trusted(r.bundles[len(r.bundles)-1], r.serving.Load(), r.clock); err != nil {
					t.Errorf("%s: what is served is not trusted: %v", r.clock, err)
				}
				serial := r.serving.Load().tls.Leaf.SerialNumber.String()
				if len(serials) == 0 || serials[len(serials)-1] != serial {
					serials = append(serials, serial)
				}
			}
			look()
			r.clock = r.clock.Add(400 * 24 * time.Hour)
			look()
			r.clock = r.clock.Add(-400 * 24 * time.Hour)
			look()
			r.clock = r.clock.Add(-clockSkew / 2)
			look()
			if len(serials) != 3 {
				t.Errorf("%d certificates were served, want one, one for the jump and one for the way back", len(serials))
			}
		})
	}
}
