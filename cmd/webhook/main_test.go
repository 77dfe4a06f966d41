package main

import (
	"bytes"
	"errors"
	"flag"
	"slices"
	"strings"
	"testing"
)

func TestOptions(t *testing.T) {
	var stderr bytes.Buffer
	o, err := options([]string{"--listen=:1", "--debug", "--client-name", "a", "--client-name=b"}, &stderr)
	if err != nil || o.Listen != ":1" || !o.Debug || !slices.Equal(o.ClientNames, []string{"a", "b"}) || stderr.Len() > 0 {
		t.Errorf("got %+v, %v, %s", o, err, &stderr)
	}
	if o.Namespace != "dbtether-system" || o.Configuration != "dbtether" || o.LogAllows != 0.01 {
		t.Errorf("by default: %+v", o)
	}
}

// What is not read is not passed over: the flags behind it would not be read either.
func TestOptionsRefuse(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--debug", "true", "--client-ca-file=ca.crt"}, `argument "true" is no flag (a value of true or false is given with =, as in --debug=true)`},
		{[]string{"--listen=:1", "serve"}, `argument "serve" is no flag`},
		{[]string{"--", "--listen=:1"}, `argument "--listen=:1" is no flag`},
		{[]string{"--lisen=:1"}, "flag provided but not defined: -lisen"},
		{[]string{"--drain=5"}, `invalid value "5" for flag -drain`},
	} {
		var stderr bytes.Buffer
		_, err := options(c.args, &stderr)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) || !strings.HasPrefix(stderr.String(), err.Error()+"\n") || !strings.Contains(stderr.String(), "Usage of webhook:") {
			t.Errorf("%q: got %v, and printed\n%s", c.args, err, &stderr)
		}
	}
	if _, err := options([]string{"--help"}, new(bytes.Buffer)); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("--help: %v", err)
	}
}
