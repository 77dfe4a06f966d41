package plugin

import (
	"errors"
	"flag"
	"strconv"

	"github.com/spf13/pflag"
	"k8s.io/klog/v2"
)

// verbosity is how much is told on stderr of what client-go does, as by kubectl: requests
// and their time from 6 on, their headers at 7, the credential in them masked.
type verbosity int

// mostVerbose is the highest level that tells no body of a request or an answer, which
// hold the values of Secrets (client-go, rest/request.go, logBody).
const mostVerbose verbosity = 7

// String implements pflag.Value.
func (v *verbosity) String() string { return strconv.Itoa(int(*v)) }

// Type implements pflag.Value.
func (v *verbosity) Type() string { return "level" }

// Set refuses what is not a level.
func (v *verbosity) Set(text string) error {
	level, err := strconv.ParseUint(text, 10, 8)
	if err != nil {
		return errors.New("must be a number: 6 tells requests, 7 their headers")
	}
	*v = verbosity(level)
	return nil
}

// add adds -v to the flags.
func (v *verbosity) add(flags *pflag.FlagSet) {
	flags.VarP(v, "v", "v", "how much to log on stderr: 6 tells requests to the API server, 7 their headers; never their content")
}

// apply lets client-go, which logs by klog, log that much. It says so where less than
// what was asked for is logged.
func (v *verbosity) apply(env *Environment) error {
	level := *v
	if level > mostVerbose {
		level = mostVerbose
		env.note("-v %d is taken as -v %d: above that the content of requests is logged, and with it the values of Secrets", *v, level)
	}
	if level == 0 {
		return nil
	}
	flags := flag.NewFlagSet("klog", flag.ContinueOnError)
	klog.InitFlags(flags)
	return flags.Set("v", strconv.Itoa(int(level)))
}
