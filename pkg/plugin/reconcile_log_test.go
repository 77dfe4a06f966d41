package plugin

import (
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/dbtether/kubectl-dbtether/pkg/provision"
	"github.com/dbtether/kubectl-dbtether/pkg/telemetry"
)

// TestWatchLog checks what the watch says of a result and of itself: sentences on a
// terminal, a line of JSON each elsewhere.
func TestWatchLog(t *testing.T) {
	done := provision.Result{Kind: "Database", Namespace: "shop", Name: "orders", Action: provision.ActionProvisioned, Statements: 3, Warnings: []string{"it is old"}}
	failed := provision.Result{Kind: "DatabaseUser", Namespace: "shop", Name: "api", Action: provision.ActionFailed, Error: "no room", Hint: "make some", Err: errors.New("no room")}
	rotated := provision.Result{Kind: provision.KindSecret, Namespace: "shop", Name: "app", Action: provision.ActionRotated, Revision: 3, Keys: []string{"A", "B"}}
	say := func(terminal bool) (out, errOut string) {
		streams, _, stdout, stderr := genericiooptions.NewTestIOStreams()
		env := NewEnvironment(streams, "v0")
		env.Terminal.Out = terminal
		log, tell := env.watchLog(telemetry.NewLevel(slog.LevelInfo), true)
		log.With("lease", "x").Info("waiting")
		log.Warn("cannot watch", "error", "forbidden")
		tell(done, 1500*time.Millisecond)
		tell(failed, time.Second)
		tell(rotated, time.Second)
		return stdout.String(), stderr.String()
	}
	out, errOut := say(true)
	if out != "database.dbtether.io/orders provisioned in shop\ndatabaseuser.dbtether.io/api failed in shop\nsecret/app rotated in shop\n" {
		t.Errorf("stdout of a terminal: %s", out)
	}
	if errOut != "note:  waiting, lease: x\nwarning: cannot watch, error: forbidden\nwarning: Database shop/orders: it is old\nerror: DatabaseUser shop/api: no room\nhint:  make some\n" {
		t.Errorf("stderr of a terminal: %s", errOut)
	}
	out, errOut = say(false)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	wants := []string{
		`{"action":"provisioned","kind":"Database","level":"WARN","msg":"reconciled","name":"orders","namespace":"shop","seconds":1.5,"statements":3,"warnings":["it is old"]}`,
		`{"action":"failed","error":"no room","hint":"make some","kind":"DatabaseUser","level":"ERROR","msg":"reconciled","name":"api","namespace":"shop","reason":"Failed","seconds":1,"statements":0}`,
		`{"action":"rotated","keys":["A","B"],"kind":"Secret","level":"INFO","msg":"reconciled","name":"app","namespace":"shop","revision":3,"seconds":1,"statements":0}`,
	}
	if len(lines) != len(wants) {
		t.Fatalf("stdout: %s", out)
	}
	for i, line := range lines {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		delete(fields, slog.TimeKey)
		if text, err := json.Marshal(fields); err != nil || string(text) != wants[i] {
			t.Errorf("got %s, want %s, %v", text, wants[i], err)
		}
	}
	if n := strings.Count(errOut, "\n"); n != 2 || !strings.Contains(errOut, `"msg":"waiting","lease":"x"}`) {
		t.Errorf("stderr: %s", errOut)
	}
}
