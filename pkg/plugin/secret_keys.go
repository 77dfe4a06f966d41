package plugin

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// The keys of a Secret that arguments and flags name.

// addKeys adds --keys to a command that can do its work for some keys only.
func addKeys(cmd *cobra.Command, env *Environment, keys *[]string) {
	cmd.Flags().StringSliceVar(keys, "keys", nil, "only these keys")
	completeKeyList(cmd, env)
}

// keysOrPrune returns an error of usage where --keys and --prune are given together.
func keysOrPrune(keys []string, prune bool) error {
	if prune && len(keys) > 0 {
		return Usagef("--prune removes all other keys, and --keys leaves them: give one of them")
	}
	return nil
}

// onlyKeys returns those of the keys that data has, with their values; all data for no keys.
func onlyKeys(data secret.Data, keys []string) secret.Data {
	if len(keys) == 0 {
		return data
	}
	chosen := secret.Data{}
	for _, key := range keys {
		if value, has := data[key]; has {
			chosen[key] = value
		}
	}
	return chosen
}

// hasKeys returns an error for the first of the keys that the Secret of a name does not have.
func hasKeys(name string, data secret.Data, keys []string) error {
	for _, key := range keys {
		if _, has := data[key]; !has {
			return noSuchKey(name, key, data.Keys())
		}
	}
	return nil
}

// noSuchKey returns the error about a key that a Secret does not have, which names those that
// it has.
func noSuchKey(name, key string, keys []string) error {
	return hintKeys(fmt.Errorf("secret %q has no key %q", name, key), key, keys)
}

// hintKeys returns an error about a key with the keys that may have been meant as its hint.
func hintKeys(err error, key string, keys []string) error {
	if len(keys) == 0 {
		return Hinted(err, "it has no keys")
	}
	return hintSimilar(err, key, keys, "it has %s", listed(keys))
}
