package check

import (
	"fmt"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/install"
)

// fixIncomplete completes an installation: flags that are left out would be taken back.
const fixIncomplete = "run the command again that installed, with its flags; the record has them: kubectl get configmap " + install.RecordName +
	" -n " + v1alpha1.SystemNamespace + " -o jsonpath={.data.parameters}"

// version says whether the installation was completed, and how far the version that installed
// is from this program's. There is a record of it only where the command install was used: with
// Helm, nothing is said.
func (d Definitions) version(f *findings) {
	if f.unread(checkInstalledBy, "the record of the installation", d.Record.Err) {
		return
	}
	record := d.Record.named(install.RecordName)
	if record == nil {
		return
	}
	read, err := install.ReadRecord(record)
	if err != nil {
		f.add(checkInstalledBy, LevelWarning, fixReinstall, "the record of the installation cannot be understood: %v", err)
		return
	}
	if !read.Complete {
		f.add(checkInstalledBy, LevelWarning, fixIncomplete, "the installation was not completed: install runs, or has ended before the webhook answered")
	}
	if read.Plugin == "" {
		f.add(checkInstalledBy, LevelNote, "", "the record of the installation does not say which version installed: it is older than this plugin")
		return
	}
	f.distance(checkInstalledBy, "what is installed is", read.Plugin, d.Own)
	f.okUnless(checkInstalledBy, "they were installed by version %s", read.Plugin)
}

// version says which replicas of the webhook are of another version than this program.
func (w Webhook) version(f *findings) {
	if f.unread(checkWebhookVersion, "the version of the webhook", w.ReplicasErr) {
		return
	}
	for _, r := range w.Replicas {
		if r.Version == "" {
			f.add(checkWebhookVersion, LevelNote, "", "the replica %s of the webhook does not say of which version it is: it is older than this plugin", r.Name)
			continue
		}
		f.distance(checkWebhookVersion, fmt.Sprintf("the replica %s of the webhook is", r.Name), r.Version, w.Own)
	}
	if len(w.Replicas) > 0 {
		f.okUnless(checkWebhookVersion, "its version and that of this plugin work together")
	}
}

// distance says how far the version of something is from this program's own: nothing where
// they are the same.
func (f *findings) distance(check, what, theirs, own string) {
	switch install.DistanceOf(theirs, own) {
	case install.Same:
	case install.Older, install.Newer:
		f.add(check, LevelNote, "", "%s of version %s, this plugin of %s: one minor version apart they work together", what, theirs, own)
	case install.FarOlder:
		f.add(check, LevelWarning, fixReinstall, "%s of version %s, more than one minor version older than this plugin, %s", what, theirs, own)
	case install.FarNewer:
		f.add(check, LevelWarning, "use a plugin of version "+theirs+", such as by: kubectl krew upgrade dbtether",
			"%s of version %s, more than one minor version newer than this plugin, %s", what, theirs, own)
	case install.Unknown:
		if theirs != own {
			f.add(check, LevelNote, "", "%s of version %s, this plugin of %s: how far they are apart cannot be told", what, theirs, own)
		}
	}
}
