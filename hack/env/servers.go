package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/spf13/pflag"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

// wantedServers is what the flags ask for.
type wantedServers struct {
	controlPlane bool
	kubernetes   testenv.Kubernetes
	postgres     postgresVersions
}

func (w *wantedServers) addFlags(flags *pflag.FlagSet) {
	w.postgres = postgresVersions{18}
	flags.BoolVar(&w.controlPlane, "control-plane", true, "the Kubernetes API server and etcd")
	flags.Var(&w.kubernetes, "kubernetes", "which: newest, or oldest that is supported")
	flags.Var(&w.postgres, "postgres", `PostgreSQL major versions, as in 18,16; "all" (14 to 18), "any" (what the machine has), "none"`)
}

// postgresVersions is a flag's list of major versions; 0 stands for any.
type postgresVersions []int

func (v *postgresVersions) Type() string { return "versions" }

func (v *postgresVersions) String() string {
	words := make([]string, len(*v))
	for i, version := range *v {
		words[i] = strconv.Itoa(version)
	}
	return strings.Join(words, ",")
}

func (v *postgresVersions) Set(text string) error {
	switch text {
	case "all":
		*v = postgresVersions{18, 17, 16, 15, 14}
		return nil
	case "any":
		*v = postgresVersions{0}
		return nil
	case "none":
		*v = nil
		return nil
	}
	var versions postgresVersions
	for word := range strings.SplitSeq(text, ",") {
		version, err := strconv.Atoi(strings.TrimSpace(word))
		if err != nil || version < 14 || version > 18 {
			return fmt.Errorf("%q is not a major version from 14 to 18", word)
		}
		if !slices.Contains(versions, version) {
			versions = append(versions, version)
		}
	}
	*v = versions
	return nil
}

// servers are up, until stop.
type servers struct {
	testenv.Description
	file      string // the description
	unpublish func() error
}

// start brings all wanted servers up at the same time. If one fails, those that
// are up are stopped.
func start(ctx context.Context, wanted wantedServers, progress *progress) (*servers, error) {
	s := &servers{Description: testenv.Description{PostgreSQL: make([]*testenv.PostgreSQL, len(wanted.postgres))}}
	errs := make([]error, 1+len(wanted.postgres))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var group sync.WaitGroup
	if wanted.controlPlane {
		group.Go(func() {
			s.ControlPlane, errs[0] = testenv.StartControlPlane(ctx, testenv.ControlPlaneOptions{Kubernetes: wanted.kubernetes, Log: progress.subject("control plane")})
			cancelOn(errs[0], cancel)
		})
	}
	for i, version := range wanted.postgres {
		group.Go(func() {
			s.PostgreSQL[i], errs[i+1] = testenv.StartPostgreSQL(ctx, testenv.PostgreSQLOptions{Version: version, Log: progress.subject(postgresSubject(version))})
			cancelOn(errs[i+1], cancel)
		})
	}
	group.Wait()
	s.PostgreSQL = slices.DeleteFunc(s.PostgreSQL, func(p *testenv.PostgreSQL) bool { return p == nil })
	err := firstCause(errs)
	if err == nil {
		s.file, s.unpublish, err = s.Publish()
	}
	if err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

func cancelOn(err error, cancel func()) {
	if err != nil {
		cancel()
	}
}

// firstCause prefers an error of its own to one that only says that another made
// us give up.
func firstCause(errs []error) error {
	for _, err := range errs {
		if err != nil && !errors.Is(err, context.Canceled) {
			return err
		}
	}
	return errors.Join(errs...)
}

func (s *servers) stop() error {
	errs := make([]error, 2+len(s.PostgreSQL))
	var group sync.WaitGroup
	if s.ControlPlane != nil {
		group.Go(func() { errs[0] = s.ControlPlane.Stop() })
	}
	for i, server := range s.PostgreSQL {
		group.Go(func() { errs[i+2] = server.Stop() })
	}
	if s.unpublish != nil {
		errs[1] = s.unpublish()
	}
	group.Wait()
	return errors.Join(errs...)
}

// environment is what a process needs to use the servers.
func (s *servers) environment() []string {
	variables := []string{testenv.DescriptionVariable + "=" + s.file}
	if s.ControlPlane != nil {
		variables = append(variables, "KUBECONFIG="+s.ControlPlane.Kubeconfig)
	}
	return variables
}

func fetch(ctx context.Context, wanted wantedServers, progress *progress) error {
	if wanted.controlPlane {
		log := progress.subject("control plane")
		dir, err := testenv.FetchControlPlane(ctx, wanted.kubernetes, log)
		if err != nil {
			return err
		}
		log("there: %s", dir)
	}
	for _, version := range wanted.postgres {
		log := progress.subject(postgresSubject(version))
		if version == 0 {
			log("nothing to fetch for \"any\"")
			continue
		}
		dir, err := testenv.FetchPostgreSQL(ctx, version, log)
		if err != nil {
			return err
		}
		log("there: %s", dir)
	}
	return nil
}

func postgresSubject(version int) string {
	if version == 0 {
		return "postgresql"
	}
	return "postgresql " + strconv.Itoa(version)
}
