package main

import (
	"context"
	"fmt"
	"io"
	"os"
)

// up keeps the servers until ctx ends.
func up(ctx context.Context, wanted wantedServers, out io.Writer, progress *progress) error {
	s, err := start(ctx, wanted, progress)
	if err != nil {
		return err
	}
	log := progress.subject("all")
	log("up")
	printSummary(out, s)
	<-ctx.Done()
	log("stopping")
	if err := s.stop(); err != nil {
		return err
	}
	log("stopped")
	return nil
}

func printSummary(out io.Writer, s *servers) {
	if c := s.ControlPlane; c != nil {
		fmt.Fprintf(out, "\nKubernetes %s   %s\n  kubectl  %s\n  log      %s\n", c.Version, c.URL, c.Kubectl, c.LogFile)
	}
	for _, p := range s.PostgreSQL {
		fmt.Fprintf(out, "\nPostgreSQL %s   %s:%d   CA certificate %s\n", p.FullVersion, p.Host, p.Port, p.CAFile)
		fmt.Fprintf(out, "  superuser  %s\n  admin      %s\n  log        %s\n", p.SuperuserURL(""), p.AdminURL(""), p.LogFile)
	}
	fmt.Fprintln(out, "\nUse them in another terminal:")
	for _, variable := range s.environment() {
		fmt.Fprintln(out, "  export", variable)
	}
	fmt.Fprintf(out, "\nStop everything: Ctrl-C, or kill %d\n", os.Getpid())
}
