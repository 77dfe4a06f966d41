package plugin_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/clientcmd"
)

// The values that nobody may be told, with characters that each encoding writes in
// another way.
const (
	firstCanary  = `Canary/7+&"<é>%`
	secondCanary = `Second\8?'canary`
	signingKey   = "canary-of-the-signing-key"
)

// encodings returns the forms in which a value may be told.
func encodings(value string) []string {
	quoted, _ := json.Marshal(value)
	forms := []string{value, url.QueryEscape(value), url.PathEscape(value), strings.Trim(string(quoted), `"`), strings.Trim(fmt.Sprintf("%q", value), `"`),
		strings.Trim(fmt.Sprintf("%+q", value), `"`), hex.EncodeToString([]byte(value)), strings.Trim(fmt.Sprintf("%d", []byte(value)), "[]")}
	for pad := range 3 { // wherever it stands in what is encoded
		for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			text := encoding.EncodeToString([]byte(strings.Repeat("x", pad) + value))
			forms = append(forms, text[(pad*8+5)/6:len(text)-1])
		}
	}
	return forms
}

// hearsay keeps all that can be heard of commands about Secrets.
type hearsay struct {
	program
	*testing.T
	namespace, kubeconfig, dir string
	core                       *corev1client.CoreV1Client
	objects                    dynamic.Interface
	values                     []string // that nobody may be told
	mu                         sync.Mutex
	heard                      map[string]*bytes.Buffer // where: what
}

func (h *hearsay) hear(where string, text []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.heard[where] == nil {
		h.heard[where] = &bytes.Buffer{}
	}
	h.heard[where].Write(text)
	h.heard[where].WriteByte('\n')
}

func newHearsay(t *testing.T) *hearsay {
	t.Helper()
	h := &hearsay{T: t, dir: t.TempDir(), values: []string{firstCanary, secondCanary, signingKey}, heard: map[string]*bytes.Buffer{}}
	h.program, h.namespace, h.kubeconfig = session(t)
	config, err := clientcmd.BuildConfigFromFlags("", h.kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	if h.core, err = corev1client.NewForConfig(config); err != nil {
		t.Fatal(err)
	}
	if h.objects, err = dynamic.NewForConfig(config); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"tmp", "home", "runtime"} {
		if err := os.Mkdir(filepath.Join(h.dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

// command runs the plugin with the words of a line at the highest verbosity, and listens:
// to what it says, unless told is what it was asked to tell, to its arguments, to what
// stands beside the values of all Secrets afterwards, and to the files that it left.
func (h *hearsay) command(code int, told bool, stdin, line string) {
	h.Helper()
	cmd := exec.Command(filepath.Join(h.bin, "kubectl-dbtether"), strings.Fields(line)...)
	// A shell has no further word for its options than the command has.
	if at := strings.Index(line, " -- "); at >= 0 {
		cmd.Args = append([]string{cmd.Args[0], "-v=9"}, cmd.Args[1:]...)
	} else {
		cmd.Args = append(cmd.Args, "-v=9")
	}
	cmd.Dir = h.dir
	cmd.Env = append(os.Environ(), "KUBECONFIG="+h.kubeconfig, "PATH="+h.path(), "TMPDIR="+filepath.Join(h.dir, "tmp"), "HOME="+filepath.Join(h.dir, "home"),
		"XDG_RUNTIME_DIR="+filepath.Join(h.dir, "runtime"), "EDITOR="+filepath.Join(h.dir, "editor"))
	cmd.Stdin = strings.NewReader(stdin)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Start(); err != nil {
		h.Fatal(err)
	}
	ended := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		var last []byte
		for {
			if text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", cmd.Process.Pid)); err == nil && !bytes.Equal(text, last) {
				h.hear("the arguments of a process", text)
				last = text
			}
			select {
			case <-ended:
				return
			case <-time.After(time.Millisecond):
			}
		}
	})
	_ = cmd.Wait()
	close(ended)
	watching.Wait()
	if got := cmd.ProcessState.ExitCode(); got != code {
		h.Errorf("%s: exit code %d, want %d\n%s%s", line, got, code, out.String(), errOut.String())
	}
	if !told {
		h.hear("stdout of "+line, out.Bytes())
	}
	h.hear("stderr of "+line, errOut.Bytes())
	h.look()
}

// look reads what stands beside the values of Secrets, the events, and what files are left.
func (h *hearsay) look() {
	h.Helper()
	secrets, err := h.core.Secrets(metav1.NamespaceAll).List(h.Context(), metav1.ListOptions{})
	if err != nil {
		h.Fatal(err)
	}
	for i := range secrets.Items {
		text, err := json.Marshal(secrets.Items[i].ObjectMeta)
		if err != nil {
			h.Fatal(err)
		}
		h.hear("the metadata of a Secret", text)
	}
	for _, resource := range []schema.GroupVersionResource{{Version: "v1", Resource: "events"}, {Version: "v1", Resource: "configmaps"}, {Version: "v1", Resource: "namespaces"}} {
		list, err := h.objects.Resource(resource).List(h.Context(), metav1.ListOptions{})
		if err != nil {
			h.Fatal(err)
		}
		text, err := list.MarshalJSON()
		if err != nil {
			h.Fatal(err)
		}
		h.hear("the "+resource.Resource, text)
	}
	for _, dir := range []string{"tmp", "home", "runtime"} {
		err := filepath.WalkDir(filepath.Join(h.dir, dir), func(path string, entry os.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			h.hear("the file "+entry.Name()+" that was left", text)
			return err
		})
		if err != nil {
			h.Fatal(err)
		}
	}
}

// receiver starts who is told of changes, and keeps what it hears.
func (h *hearsay) receiver() string {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) {
		body, _ := io.ReadAll(request.Body)
		h.hear("a request to the receiver", fmt.Appendf(nil, "%s %s %v\n%s", request.Method, request.URL, request.Header, body))
	}))
	h.Cleanup(server.Close)
	return server.URL
}

// file writes a file of the working directory.
func (h *hearsay) file(name, text string, mode os.FileMode) {
	h.Helper()
	if err := os.WriteFile(filepath.Join(h.dir, name), []byte(text), mode); err != nil {
		h.Fatal(err)
	}
}

// TestNoValueOfASecretIsTold lets values go through every command about Secrets, those
// that fail included, and looks for them, in every encoding, in all that can be read
// without the right to read Secrets.
func TestNoValueOfASecretIsTold(t *testing.T) {
	h := newHearsay(t)
	h.file("canary", firstCanary, 0o600)
	h.file("second", secondCanary, 0o600)
	h.file("key", signingKey, 0o600)
	h.command(0, false, h.receiver(), "secret set dbtether-notifications url=- key=@key")
	other := h.namespace + "-b"
	if _, err := h.core.Namespaces().Create(t.Context(), namespaceNamed(other), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	h.write(other)
	h.later()
	h.read(other)
	h.refuse(other)
	h.check()
}

// write changes Secrets in each way.
func (h *hearsay) write(other string) {
	h.command(0, false, firstCanary, "secret set app TOKEN=- SECOND=@second --reason first -o yaml")
	h.command(0, false, secondCanary, "secret set app TOKEN=- --dry-run=server")
	h.command(0, false, secondCanary, "secret set app TOKEN=- -o json")
	h.command(0, false, firstCanary, "secret set app TOKEN=- --replace --if-revision 2")
	kubectl(h.T, h.program, h.kubeconfig, "patch", "secret", "app", "--type=merge", "-p", `{"data":{"EXTERNAL":"`+base64.StdEncoding.EncodeToString([]byte(secondCanary))+`"}}`)
	h.command(0, false, "", "secret history app")
	h.command(0, false, "", "secret rollback app --to-revision 1 --dry-run=server")
	h.command(0, false, "", "secret rollback app --to-revision 1")
	h.command(0, false, "", "secret copy app --to-namespace "+other)
	h.command(0, false, "", "secret copy --all --to-namespace "+other+" --prune")
	h.command(0, false, "", "secret copy app --to-name web --keys TOKEN")
	h.command(0, false, "", "secret delete web --yes --reason over")
	h.command(0, false, "", "secret undelete web")
	h.command(0, false, "", "secret delete web --yes --purge")
}

// later generates values, lets them expire, and edits.
func (h *hearsay) later() {
	h.command(0, false, "", "secret rotate app GENERATED --every 30d -o json")
	h.command(0, false, "", "secret rotate app")
	h.command(0, false, "", "secret expire app --in 90d")
	for number := range int64(20) {
		r, err := h.core.Secrets(h.namespace).Get(h.Context(), fmt.Sprintf("app.v%d", number), metav1.GetOptions{})
		if value := string(r.Data["GENERATED"]); err == nil && value != "" && !slices.Contains(h.values, value) {
			h.values = append(h.values, value)
		}
	}
	if len(h.values) < 5 {
		h.Errorf("only %d values were generated", len(h.values)-3)
	}
	h.file("editor", "#!/bin/sh\ncat "+filepath.Join(h.dir, "edited")+" >> \"$1\"\n", 0o700)
	h.file("edited", "EDITED: '"+firstCanary+"'\n", 0o600)
	h.command(0, false, "", "secret edit app")
	h.file("edited", "TOKEN: [ "+firstCanary+"\n", 0o600) // which is no YAML, and named twice
	h.command(1, false, "", "secret edit app")
	h.command(0, false, "", "reconcile")
	h.transfer()
}

// transfer takes values out and in, and files that are no good.
func (h *hearsay) transfer() {
	for _, format := range []string{"json", "yaml", "kubernetes", "env"} {
		h.command(0, false, "", "secret export app --format "+format+" -f out."+format)
		h.command(0, true, "", "secret export app --format "+format)
		name := " imported-" + format
		if format == "kubernetes" {
			name = ""
		}
		h.command(0, false, "", "secret import"+name+" -f out."+format)
		whole, err := os.ReadFile(filepath.Join(h.dir, "out."+format))
		if err != nil {
			h.Fatal(err)
		}
		h.file("cut."+format, string(whole)+"\n"+string(whole[:len(whole)/2])+"\"", 0o600)
		h.command(1, false, "", "secret import cut -f cut."+format)
	}
	h.file("binary", firstCanary+"\xff", 0o600)
	h.command(0, false, "", "secret set binary BINARY=@binary MULTI=@out.yaml")
	for _, format := range []string{"json", "yaml", "docker", "shell"} {
		h.command(map[bool]int{true: 0, false: 1}[format == "shell"], true, "", "secret export binary --format "+format)
	}
}

// read looks at Secrets in each way that shows no value, and has some shown.
func (h *hearsay) read(other string) {
	for _, line := range []string{"secret get app", "secret get app -o yaml", "secret get app --revision 1", "secret history app -o json", "secret list", "secret list -A -o wide",
		"secret list --unmanaged -o json", "secret usage app", "secret usage --orphans", "run app --dry-run=client -- true", "run app -- true"} {
		h.command(0, false, "", line)
	}
	for _, line := range []string{"secret diff app", "secret diff app --revision 2 -o yaml", "secret diff app dbtether-notifications"} {
		h.command(1, false, "", line)
	}
	h.command(1, false, "", "secret diff --all --to-namespace "+other)
	for _, line := range []string{"secret get app TOKEN", "secret get app --show-secrets", "secret get app TOKEN -o json --show-secrets", "run app -- env"} {
		h.command(0, true, "", line)
	}
	h.command(1, true, "", "secret diff app --show-secrets")
}

// refuse lets changes fail: here, in the API server, and at others.
func (h *hearsay) refuse(other string) {
	h.command(1, false, firstCanary, "secret set app TOKEN=- --if-revision 1")
	h.command(1, false, firstCanary, "secret set typed tls.crt=- --type kubernetes.io/tls")
	h.command(1, false, firstCanary, "secret set docker .dockerconfigjson=- --type kubernetes.io/dockerconfigjson")
	h.command(1, false, firstCanary, "secret set App TOKEN=-")
	h.command(1, false, firstCanary, "secret set app.v1 TOKEN=-")
	h.command(1, false, strings.Repeat(firstCanary, 100_000), "secret set app TOKEN=-")
	h.command(1, false, firstCanary, "secret set app TOKEN=- -n "+other+"-missing")
	h.command(1, false, firstCanary, "secret set app TOKEN=- --as nobody")
	h.command(1, false, "", "run app --only MISSING -- true")
	h.command(0, false, "not a url "+firstCanary, "secret set dbtether-notifications url=-")
	h.command(0, false, firstCanary, "secret set app LATE=-")
}

// check looks for the values in all that was heard.
func (h *hearsay) check() {
	h.Helper()
	log, err := os.ReadFile(h.server.LogFile)
	if err != nil {
		h.Fatal(err)
	}
	h.hear("the API server's log", log)
	for _, where := range []string{"the arguments of a process", "the metadata of a Secret", "the events", "a request to the receiver"} {
		if h.heard[where] == nil || h.heard[where].Len() < 100 {
			h.Errorf("nothing was heard of %s", where)
		}
	}
	for where, text := range h.heard {
		for _, value := range h.values {
			for _, form := range encodings(value) {
				if bytes.Contains(text.Bytes(), []byte(form)) {
					h.Errorf("%s tells %q, in the form %q", where, value, form)
				}
			}
		}
	}
}

func namespaceNamed(name string) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
}
