package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// inspectBills checks that each program of the release has a bill of materials that lists
// exactly what `go version -m` finds in it, and that there is no other bill. It returns
// how many programs there are.
func inspectBills(ctx context.Context, dist string) (int, error) {
	programs, err := programsOf(dist)
	if err != nil {
		return 0, err
	}
	if len(programs) == 0 {
		return 0, fmt.Errorf("inspect %q: it holds no program", dist)
	}
	described := map[string]bool{}
	for _, p := range programs {
		held, err := goVersion(ctx, p.content)
		if err != nil {
			return 0, fmt.Errorf("inspect %s: %w", p.bill, err)
		}
		text, err := os.ReadFile(filepath.Join(dist, p.bill))
		if err != nil {
			return 0, fmt.Errorf("inspect the bills of materials: %w", err)
		}
		if err := compareBill(text, held, p.content); err != nil {
			return 0, fmt.Errorf("inspect %s: %w", p.bill, err)
		}
		described[p.bill] = true
	}
	bills, err := filepath.Glob(filepath.Join(dist, "*.cdx.json"))
	for _, path := range bills {
		if name := filepath.Base(path); !described[name] {
			err = errors.Join(err, fmt.Errorf("inspect %s: there is no program that it is of", name))
		}
	}
	return len(programs), err
}

// goVersion returns what the go command finds in a program: its modules with the version,
// a space and the hash of each, Go's own library as std without one.
func goVersion(ctx context.Context, content []byte) (modules map[string]string, err error) {
	folder, err := os.MkdirTemp("", "dbtether-krewcheck-program-*")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	// As Windows calls it: otherwise the go command does not look into Windows' programs.
	path := filepath.Join(folder, "program.exe")
	if err := os.WriteFile(path, content, 0o700); err != nil {
		return nil, err
	}
	out, err := exec.CommandContext(ctx, "go", "version", "-m", path).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("go version -m: %w\n%s", err, out)
	}
	return modulesOf(strings.TrimPrefix(string(out), path+": "))
}

// modulesOf reads what `go version -m` says after the name of the file.
func modulesOf(said string) (map[string]string, error) {
	first, rest, _ := strings.Cut(said, "\n")
	if !strings.HasPrefix(first, "go1.") {
		return nil, fmt.Errorf("go version -m says no version of Go: %q", said)
	}
	modules := map[string]string{"std": first + " "}
	var last string
	for line := range strings.Lines(rest) {
		fields := strings.Split(strings.TrimRight(strings.TrimPrefix(line, "\t"), "\n"), "\t")
		switch {
		case fields[0] == "dep" && len(fields) >= 3:
			last = fields[1]
			modules[last] = strings.Join(append(fields[2:], "")[:2], " ")
		case fields[0] == "=>" && len(fields) >= 4:
			// What the program holds is what took the module's place.
			delete(modules, last)
			modules[fields[1]] = fields[2] + " " + fields[3]
		}
	}
	return modules, nil
}

// compareBill returns an error for each module that is in one of the two only, or in
// another version, and for a bill of another program. It does no I/O.
func compareBill(text []byte, held map[string]string, content []byte) error {
	var bill struct {
		BOMFormat, SpecVersion string
		Metadata               struct {
			Properties []struct{ Name, Value string }
		}
		Components []struct {
			Name, Version string
			Hashes        []struct{ Alg, Content string }
		}
	}
	if err := json.Unmarshal(text, &bill); err != nil {
		return err
	}
	var errs []error
	if bill.BOMFormat != "CycloneDX" || bill.SpecVersion != "1.6" {
		errs = append(errs, fmt.Errorf("it is in the format %s %s, not CycloneDX 1.6", bill.BOMFormat, bill.SpecVersion))
	}
	sum := fmt.Sprintf("%x", sha256.Sum256(content))
	var of string
	for _, p := range bill.Metadata.Properties {
		if p.Name == "cdx:gomod:binary:hash:SHA-256" {
			of = p.Value
		}
	}
	if of != sum {
		errs = append(errs, fmt.Errorf("it is of the program with sha256 %q, and the one in the release has %s", of, sum))
	}
	listed := map[string]bool{}
	for _, c := range bill.Components {
		listing := c.Version + " "
		for _, h := range c.Hashes {
			if h.Alg == "SHA-256" {
				listing += asGoSays(h.Content)
			}
		}
		switch want, found := held[c.Name]; {
		case listed[c.Name]:
			errs = append(errs, fmt.Errorf("it lists %s twice", c.Name))
		case !found:
			errs = append(errs, fmt.Errorf("it lists %s, which the program does not hold", c.Name))
		case want != listing:
			errs = append(errs, fmt.Errorf("it lists %s as %q, the program holds %q", c.Name, listing, want))
		}
		listed[c.Name] = true
	}
	for name := range held {
		if !listed[name] {
			errs = append(errs, fmt.Errorf("it does not list %s, which the program holds", name))
		}
	}
	return errors.Join(errs...)
}

// asGoSays returns a hash in hexadecimal as the go command writes that of a module.
func asGoSays(hexadecimal string) string {
	var sum []byte
	if _, err := fmt.Sscanf(hexadecimal, "%x", &sum); err != nil {
		return hexadecimal
	}
	return "h1:" + base64.StdEncoding.EncodeToString(sum)
}
