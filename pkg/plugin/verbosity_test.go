package plugin

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/gorilla/websocket"
	"k8s.io/apimachinery/pkg/util/httpstream"      //nolint:staticcheck // what client-go/tools/portforward still speaks
	"k8s.io/apimachinery/pkg/util/httpstream/spdy" //nolint:staticcheck // the same
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/klog/v2"
)

// log is a buffer that goroutines write to.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// TestForwardLogsNothingOfWhatItCarries sends a statement through a port-forward, whose
// tunnel logs at level 7 what it is given, at the highest level that there is.
func TestForwardLogsNothingOfWhatItCarries(t *testing.T) {
	defer klog.CaptureState().Restore()
	said := &log{}
	klog.LogToStderr(false)
	klog.SetOutput(said)
	streams, _, _, notes := genericiooptions.NewTestIOStreams()
	env := NewEnvironment(streams, "v0")
	level := verbosity(10)
	if err := level.apply(env); err != nil || !strings.HasPrefix(notes.String(), "note:  -v 10 is taken as -v 7") {
		t.Fatalf("%v, %s", err, notes)
	}

	received := make(chan string, 1)
	server := httptest.NewServer(tunnelTo(t, received))
	defer server.Close()
	env.Config.APIServer = &server.URL
	connection, err := env.dialPod("shop", "pg-0")
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	stream, err := openStreams(connection, 5432)
	if err != nil {
		t.Fatal(err)
	}
	const statement = "ALTER ROLE x PASSWORD 'canary'"
	if _, err := stream.Write([]byte(statement)); err != nil {
		t.Fatal(err)
	}
	if got := <-received; got != statement {
		t.Errorf("received %q", got)
	}
	klog.Flush()
	if text := said.String(); strings.Contains(text, "canary") || !strings.Contains(text, "/pods/pg-0/portforward") {
		t.Errorf("it says:\n%s", text)
	}
}

// tunnelTo answers as the API server does to a port-forward, and sends what it receives
// on the stream of data.
func tunnelTo(t *testing.T, received chan<- string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		upgrader := websocket.Upgrader{Subprotocols: []string{"SPDY/3.1+" + portforward.PortForwardProtocolV1Name}}
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		// What this end logs is not ours.
		tunnel := portforward.NewTunnelingConnectionWithLogger(klog.Background().V(10), conn)
		connection, err := spdy.NewServerConnection(tunnel, func(stream httpstream.Stream, _ <-chan struct{}) error {
			go func() {
				buffer := make([]byte, 1024)
				if n, _ := stream.Read(buffer); n > 0 {
					received <- string(buffer[:n])
				}
			}()
			return nil
		})
		if err != nil {
			t.Error(err)
			return
		}
		<-connection.CloseChan()
	})
}
