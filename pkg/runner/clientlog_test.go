package runner

import (
	"bytes"
	"flag"
	"log/slog"
	"strings"
	"testing"

	"k8s.io/klog/v2"
)

// TestClientLog checks which of what client-go says is in the runner's log, by the
// verbosity of klog.
func TestClientLog(t *testing.T) {
	defer klog.CaptureState().Restore()
	flags := flag.NewFlagSet("klog", flag.ContinueOnError)
	klog.InitFlags(flags)
	for verbosity, want := range map[string]string{
		"0": "failed held",
		"6": "failed unnamed said Response held also",
		"7": "failed unnamed said Response headers held also",
	} {
		var out bytes.Buffer
		if err := flags.Set("v", verbosity); err != nil {
			t.Fatal(err)
		}
		klog.SetSlogLogger(slog.New(clientLog{slog.NewJSONHandler(&out, nil)}))
		klog.ErrorS(nil, "failed")
		klog.Info("unnamed")
		klog.Background().Info("said")
		klog.Background().V(6).Info("Response")
		klog.Background().V(7).Info("headers")
		klog.Background().V(8).Info("body")
		named := klog.LoggerWithValues(klog.LoggerWithName(klog.Background(), "watch"), "kind", "Secret")
		named.Error(nil, "held")
		named.V(3).Info("also")
		var got []string
		for line := range strings.Lines(out.String()) {
			_, rest, _ := strings.Cut(line, `"msg":"`)
			message, _, _ := strings.Cut(rest, `"`)
			got = append(got, message)
		}
		if text := strings.Join(got, " "); text != want {
			t.Errorf("-v %s: %s, want %s", verbosity, text, want)
		}
	}
}
