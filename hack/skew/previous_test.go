package skew

import (
	"testing"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

// A person with the plugin of the version before, where this version is installed.
func TestPluginBefore(t *testing.T) {
	before := previous.built(t)
	t.Logf("the version before is %s, in %s", previous.version, before)
	s := newSite(t, testenv.Newest, 18, present)
	s.use(present)
	s.install()
	s.use(previous)
	s.walk("old-plugin")
	s.use(present)
	walk{s, "old-plugin"}.settled()
	s.walk("new-plugin")
	s.use(previous)
	walk{s, "new-plugin"}.settled()
	s.use(present)
	s.uninstall()
}

// A person with this plugin where the version before is installed; then what is installed
// is brought to this version while the webhook is still that of before.
func TestWebhookBefore(t *testing.T) {
	previous.built(t)
	s := newSite(t, testenv.Newest, 18, previous)
	s.use(previous)
	s.install()
	s.use(present)
	s.walk("old-webhook")
	s.install()
	walk{s, "old-webhook"}.settled()
	s.walk("old-webhook-new-crds")
	s.uninstall()
}
