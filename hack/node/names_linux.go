package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	discovery "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// clusterDomain is what the names of Services end with.
const clusterDomain = "cluster.local"

// names answers pods that ask for a Service, with the addresses of the pods behind it, as
// a cluster's DNS does for a headless one: without kube-proxy the Service's own address
// leads nowhere. So a port that a pod connects to by a Service's name is that of the pod
// behind it. There are no other names.
type names struct {
	client kubernetes.Interface
	socket net.PacketConn
}

// serveNames answers at port 53 of the node's address until the node ends.
func (s settings) serveNames() error {
	config, err := clientcmd.BuildConfigFromFlags("", s.kubeconfig("admin"))
	if err != nil {
		return err
	}
	// Every question is a request, and a name of few dots is five questions.
	config.QPS = -1
	n := names{}
	if n.client, err = kubernetes.NewForConfig(config); err != nil {
		return err
	}
	if n.socket, err = net.ListenPacket("udp", nodeAddress+":53"); err != nil {
		return fmt.Errorf("serve names: %w", err)
	}
	go n.serve()
	return nil
}

func (n names) serve() {
	packet := make([]byte, 1500)
	for {
		length, from, err := n.socket.ReadFrom(packet)
		if err != nil {
			return
		}
		question := append([]byte(nil), packet[:length]...)
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			if answer, err := answerName(question, func(service, namespace string) ([]netip.Addr, error) {
				return n.addresses(ctx, service, namespace)
			}); err == nil {
				_, _ = n.socket.WriteTo(answer, from)
			}
		}()
	}
}

// addresses are those of the ready pods behind a Service; none: there is no such Service,
// or no pod is ready.
func (n names) addresses(ctx context.Context, service, namespace string) ([]netip.Addr, error) {
	slices, err := n.client.DiscoveryV1().EndpointSlices(namespace).List(ctx, metav1.ListOptions{LabelSelector: discovery.LabelServiceName + "=" + service})
	if err != nil {
		return nil, err
	}
	var found []netip.Addr
	for _, slice := range slices.Items {
		for _, endpoint := range slice.Endpoints {
			if ready := endpoint.Conditions.Ready; ready != nil && !*ready {
				continue
			}
			for _, text := range endpoint.Addresses {
				if address, err := netip.ParseAddr(text); err == nil && address.Is4() {
					found = append(found, address)
				}
			}
		}
	}
	return found, nil
}

// answerName returns the answer to a packet with one question (RFC 1035, section 4). It
// asks find for the addresses of a Service. An error means that there is nothing to answer.
func answerName(packet []byte, find func(service, namespace string) ([]netip.Addr, error)) ([]byte, error) {
	var parser dnsmessage.Parser
	asked, err := parser.Start(packet)
	if err != nil {
		return nil, err
	}
	question, err := parser.Question()
	if err != nil {
		return nil, err
	}
	header := dnsmessage.Header{ID: asked.ID, Response: true, Authoritative: true, RecursionDesired: asked.RecursionDesired, RCode: dnsmessage.RCodeNameError}
	var addresses []netip.Addr
	if service, namespace, is := serviceOf(question.Name.String()); is {
		if addresses, err = find(service, namespace); err != nil {
			header.RCode = dnsmessage.RCodeServerFailure
		} else if len(addresses) > 0 {
			header.RCode = dnsmessage.RCodeSuccess
		}
	}
	answer := dnsmessage.NewBuilder(nil, header)
	if err := answer.StartQuestions(); err != nil {
		return nil, err
	}
	if err := answer.Question(question); err != nil {
		return nil, err
	}
	if err := answer.StartAnswers(); err != nil {
		return nil, err
	}
	for _, address := range addresses {
		if question.Type != dnsmessage.TypeA {
			break // the name is there, and has nothing of that type
		}
		// Not to be kept: pods come and go in seconds here.
		record := dnsmessage.ResourceHeader{Name: question.Name, Class: dnsmessage.ClassINET, TTL: 0}
		if err := answer.AResource(record, dnsmessage.AResource{A: address.As4()}); err != nil {
			return nil, err
		}
	}
	return answer.Finish()
}

// serviceOf reads SERVICE.NAMESPACE.svc.cluster.local.
func serviceOf(name string) (service, namespace string, is bool) {
	name, is = strings.CutSuffix(strings.ToLower(name), ".svc."+clusterDomain+".")
	if !is {
		return "", "", false
	}
	service, namespace, is = strings.Cut(name, ".")
	return service, namespace, is && service != "" && namespace != "" && !strings.Contains(namespace, ".")
}
