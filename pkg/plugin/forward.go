package plugin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/httpstream" //nolint:staticcheck // what client-go/tools/portforward still speaks
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/klog/v2"
)

// forward connects to a port of a Service through the API server, as kubectl
// port-forward does: to one of its running pods. The connection ends when it is
// closed.
func (e *Environment) forward(ctx context.Context, namespace, service string, port int32) (net.Conn, error) {
	pod, target, err := e.podBehind(ctx, namespace, service, port)
	if err != nil {
		return nil, hintForward(fmt.Errorf("forward to service %q in namespace %q: %w", service, namespace, err), namespace)
	}
	connection, err := e.dialPod(namespace, pod)
	if err != nil {
		return nil, hintForward(fmt.Errorf("forward to pod %q in namespace %q: %w", pod, namespace, err), namespace)
	}
	conn, err := openStreams(connection, target)
	if err != nil {
		_ = connection.Close()
		return nil, fmt.Errorf("forward to pod %q in namespace %q: %w", pod, namespace, err)
	}
	return conn, nil
}

// hintForward adds to an error of the way through the API server which rights that takes,
// where one of them is missing.
func hintForward(err error, namespace string) error {
	if !apierrors.IsForbidden(err) {
		return err
	}
	return Hinted(err, "the way to this server is through the API server: ask whoever administers namespace %s for get services, list pods and create pods/portforward there, or let the runner do it", namespace)
}

// podBehind returns a running pod of a Service, and the port of it that stands for the
// Service's.
func (e *Environment) podBehind(ctx context.Context, namespace, name string, port int32) (pod string, target int32, err error) {
	core, err := e.core()
	if err != nil {
		return "", 0, err
	}
	service, err := core.Services(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return "", 0, err
	}
	if len(service.Spec.Selector) == 0 {
		return "", 0, Hinted(errors.New("it has no selector, and so no pods to forward to"), "set spec.endpoint of the DBCluster to an address that this machine can reach")
	}
	pods, err := core.Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: labels.SelectorFromSet(service.Spec.Selector).String(), FieldSelector: "status.phase=Running"})
	if err != nil {
		return "", 0, err
	}
	for i := range pods.Items {
		if target := targetPort(service, &pods.Items[i], port); target != 0 && pods.Items[i].DeletionTimestamp == nil {
			return pods.Items[i].Name, target, nil
		}
	}
	return "", 0, Hinted(fmt.Errorf("none of its pods runs and serves port %d", port), "see them: kubectl get pods -n %s", namespace)
}

// targetPort returns the port of a pod that stands for a Service's; 0: none.
func targetPort(service *corev1.Service, pod *corev1.Pod, port int32) int32 {
	for _, p := range service.Spec.Ports {
		if p.Port != port {
			continue
		}
		if p.TargetPort.StrVal == "" {
			if p.TargetPort.IntVal == 0 {
				return port
			}
			return p.TargetPort.IntVal
		}
		for _, container := range pod.Spec.Containers {
			for _, own := range container.Ports {
				if own.Name == p.TargetPort.StrVal {
					return own.ContainerPort
				}
			}
		}
	}
	return 0
}

func (e *Environment) dialPod(namespace, pod string) (httpstream.Connection, error) {
	config, err := e.RESTConfig()
	if err != nil {
		return nil, err
	}
	core, err := e.core()
	if err != nil {
		return nil, err
	}
	url := core.RESTClient().Post().Resource("pods").Namespace(namespace).Name(pod).SubResource("portforward").URL()
	transport, upgrader, err := spdy.RoundTripperFor(config)
	if err != nil {
		return nil, err
	}
	overSPDY := spdy.NewDialer(upgrader, &http.Client{Transport: transport}, http.MethodPost, url)
	// A tunnel logs at level 7 what is sent through it. Its levels count one more here, so
	// that no verbosity reaches that.
	overWebSocket, err := portforward.NewSPDYOverWebsocketDialerWithLogger(klog.Background().V(1), url, config)
	if err != nil {
		return nil, err
	}
	dialer := portforward.NewFallbackDialer(overWebSocket, overSPDY, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	})
	connection, _, err := dialer.Dial(portforward.PortForwardProtocolV1Name)
	return connection, err
}

// openStreams opens the two streams of one forwarded connection (KEP-4006): one for
// errors, and one for data, which becomes the connection.
func openStreams(connection httpstream.Connection, port int32) (net.Conn, error) {
	headers := http.Header{}
	headers.Set(corev1.StreamType, corev1.StreamTypeError)
	headers.Set(corev1.PortHeader, strconv.Itoa(int(port)))
	headers.Set(corev1.PortForwardRequestIDHeader, "0")
	failures, err := connection.CreateStream(headers)
	if err != nil {
		return nil, err
	}
	_ = failures.Close() // nothing is written to it
	headers.Set(corev1.StreamType, corev1.StreamTypeData)
	data, err := connection.CreateStream(headers)
	if err != nil {
		return nil, err
	}
	conn := &forwarded{Stream: data, connection: connection, failure: make(chan error, 1)}
	go func() {
		text, _ := io.ReadAll(failures)
		if len(text) > 0 {
			conn.failure <- errors.New(string(text))
			_ = connection.Close()
		}
	}()
	return conn, nil
}

// forwarded is a connection through the API server. It has no deadlines of its own:
// whoever waits for it closes it.
type forwarded struct {
	httpstream.Stream
	connection httpstream.Connection
	failure    chan error
}

// Read implements net.Conn. What the node said is told instead of the end.
func (f *forwarded) Read(p []byte) (int, error) {
	n, err := f.Stream.Read(p)
	if err != nil {
		select {
		case failure := <-f.failure:
			return n, failure
		default:
		}
	}
	return n, err
}

// Close implements net.Conn.
func (f *forwarded) Close() error { return f.connection.Close() }

// forwardedAddress is both ends of a forwarded connection.
type forwardedAddress struct{}

// Network implements net.Addr.
func (forwardedAddress) Network() string { return "port-forward" }

// String implements net.Addr.
func (forwardedAddress) String() string { return "port-forward" }

// LocalAddr implements net.Conn.
func (f *forwarded) LocalAddr() net.Addr { return forwardedAddress{} }

// RemoteAddr implements net.Conn.
func (f *forwarded) RemoteAddr() net.Addr { return forwardedAddress{} }

// SetDeadline implements net.Conn: a deadline in the past ends the connection, as pgx
// asks for when a context is cancelled; others are not kept.
func (f *forwarded) SetDeadline(t time.Time) error {
	if !t.IsZero() && !t.After(time.Now()) {
		return f.Close()
	}
	return nil
}

// SetReadDeadline implements net.Conn.
func (f *forwarded) SetReadDeadline(t time.Time) error { return f.SetDeadline(t) }

// SetWriteDeadline implements net.Conn.
func (f *forwarded) SetWriteDeadline(t time.Time) error { return f.SetDeadline(t) }
