package faults_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

// process is a running webhook or runner.
type process struct {
	*exec.Cmd
	metrics string // URL
	log     string // file
	exited  chan struct{}
}

// launch starts a program, until the test ends. Its output goes to file; "": to a log of its
// own.
func launch(t *testing.T, cmd *exec.Cmd, metrics, file string) *process {
	t.Helper()
	log, err := os.CreateTemp(t.TempDir(), "*.log")
	must(t, err)
	defer log.Close()
	p := &process{Cmd: cmd, metrics: "http://" + metrics, log: log.Name(), exited: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = log, log
	if file != "" {
		full, err := os.OpenFile(file, os.O_WRONLY, 0)
		must(t, err)
		defer full.Close()
		cmd.Stdout, cmd.Stderr = full, full
	}
	release, err := testenv.StartBound(cmd, syscall.SIGKILL)
	must(t, err)
	go func() {
		_ = cmd.Wait()
		release()
		close(p.exited)
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%s said:\n%s", cmd.Args[0], p.said())
		}
	})
	return p
}

func (p *process) gone() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// kill ends it as a node does that has no memory left.
func (p *process) kill() {
	_ = p.Process.Kill()
	<-p.exited
}

// stop ends it as Kubernetes does, and expects that it ends well and in time.
func (p *process) stop(t *testing.T) {
	t.Helper()
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Errorf("it was gone already: %v\n%s", err, p.said())
		return
	}
	overdue := time.AfterFunc(30*time.Second, func() { _ = p.Process.Signal(syscall.SIGQUIT) })
	defer overdue.Stop()
	<-p.exited
	if code := p.ProcessState.ExitCode(); code != 0 {
		t.Errorf("it ended with code %d:\n%s", code, p.said())
	}
}

// said returns the end of its log.
func (p *process) said() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-20_000):])
}

func (p *process) get(path string) (code int, text string, err error) {
	client := http.Client{Timeout: 5 * time.Second}
	response, err := client.Get(p.metrics + path)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, string(body), err
}

func (p *process) ready() error {
	code, text, err := p.get("/readyz")
	if err != nil || code != http.StatusOK {
		return fmt.Errorf("%d %s %w", code, text, err)
	}
	return nil
}

// metric returns the sum of the series of a metric whose labels, as /metrics writes them,
// match.
func (p *process) metric(name, labels string) (float64, error) {
	_, text, err := p.get("/metrics")
	if err != nil {
		return 0, err
	}
	line, sum, found := regexp.MustCompile(`(?m)^`+name+`(\{.*\})? (\S+)$`), 0., false
	for _, match := range line.FindAllStringSubmatch(text, -1) {
		value, err := strconv.ParseFloat(match[2], 64)
		if err != nil {
			return 0, err
		}
		if strings.Contains(match[1], labels) {
			sum, found = sum+value, true
		}
	}
	if !found {
		return 0, fmt.Errorf("there is no metric %s of %s", name, labels)
	}
	return sum, nil
}

// tells waits until the value of a metric is as wanted.
func (p *process) tells(t *testing.T, limit time.Duration, name, labels string, is func(float64) bool) {
	t.Helper()
	testenv.Within(t, limit, name+" tells", func() error {
		value, err := p.metric(name, labels)
		if err == nil && !is(value) {
			err = fmt.Errorf("it is %v", value)
		}
		return err
	})
}

func above(least float64) func(float64) bool { return func(v float64) bool { return v > least } }

func equal(want float64) func(float64) bool { return func(v float64) bool { return v == want } }
