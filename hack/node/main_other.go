//go:build !linux

package main

import (
	"context"
	"errors"
)

// missing says why there can be no node on this machine.
func missing() string { return "a node needs Linux" }

func withNode(context.Context, settings) (int, error) { return 1, errors.New(missing()) }

func inside(string, string) int { return 1 }
