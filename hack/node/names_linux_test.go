package main

import (
	"errors"
	"net/netip"
	"reflect"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

func TestAnswerName(t *testing.T) {
	find := func(service, namespace string) ([]netip.Addr, error) {
		switch service + "/" + namespace {
		case "postgres/databases":
			return []netip.Addr{netip.MustParseAddr("10.98.0.7"), netip.MustParseAddr("10.98.0.8")}, nil
		case "broken/databases":
			return nil, errors.New("the API server is gone")
		}
		return nil, nil
	}
	for _, c := range []struct {
		name string
		kind dnsmessage.Type
		code dnsmessage.RCode
		want []string
	}{
		{"postgres.databases.svc.cluster.local.", dnsmessage.TypeA, dnsmessage.RCodeSuccess, []string{"10.98.0.7", "10.98.0.8"}},
		{"Postgres.Databases.SVC.Cluster.Local.", dnsmessage.TypeA, dnsmessage.RCodeSuccess, []string{"10.98.0.7", "10.98.0.8"}},
		{"postgres.databases.svc.cluster.local.", dnsmessage.TypeAAAA, dnsmessage.RCodeSuccess, nil},
		{"postgres.elsewhere.svc.cluster.local.", dnsmessage.TypeA, dnsmessage.RCodeNameError, nil},
		{"postgres.databases.svc.", dnsmessage.TypeA, dnsmessage.RCodeNameError, nil},
		{"a.postgres.databases.svc.cluster.local.", dnsmessage.TypeA, dnsmessage.RCodeNameError, nil},
		{"example.com.", dnsmessage.TypeA, dnsmessage.RCodeNameError, nil},
		{"broken.databases.svc.cluster.local.", dnsmessage.TypeA, dnsmessage.RCodeServerFailure, nil},
	} {
		question := dnsmessage.Message{Header: dnsmessage.Header{ID: 7, RecursionDesired: true},
			Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName(c.name), Type: c.kind, Class: dnsmessage.ClassINET}}}
		packet, err := question.Pack()
		if err != nil {
			t.Fatal(err)
		}
		text, err := answerName(packet, find)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var answer dnsmessage.Message
		if err := answer.Unpack(text); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, record := range answer.Answers {
			got = append(got, netip.AddrFrom4(record.Body.(*dnsmessage.AResource).A).String())
		}
		if answer.ID != 7 || !answer.Response || answer.RCode != c.code || !reflect.DeepEqual(got, c.want) || !reflect.DeepEqual(answer.Questions, question.Questions) {
			t.Errorf("%s %s: got %+v", c.name, c.kind, answer)
		}
	}
	if _, err := answerName([]byte("no question"), find); err == nil {
		t.Error("what is no question is answered")
	}
}
