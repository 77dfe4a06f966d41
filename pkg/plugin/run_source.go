package plugin

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/validation"
)

// source is where run takes variables from: a Secret, or the credential of a
// DatabaseUser.
type source struct {
	// alias prefixes the variables; empty: nothing does.
	alias      string
	kind, name string
}

// The kinds of sources, as they are written.
const (
	sourceSecret = "secret"
	sourceUser   = "user"
)

// String returns user/orders-api, or reports=user/analytics-ro.
func (s source) String() string {
	text := s.kind + "/" + s.name
	if s.alias != "" {
		text = s.alias + "=" + text
	}
	return text
}

// sourceAlias is what the annotation dbtether.io/inject takes as an alias, too.
var sourceAlias = regexp.MustCompile(`^[a-z][a-z0-9-]{0,30}$`)

// parseSources reads "app-secrets,reports=user/analytics-ro". Its errors are ones of usage.
func parseSources(list string) ([]source, error) {
	var sources []source
	for item := range strings.SplitSeq(list, ",") {
		s, err := parseSource(strings.TrimSpace(item))
		if err != nil {
			return nil, err
		}
		if slices.Contains(sources, s) {
			return nil, Hinted(fmt.Errorf("source %s is there twice", s), "name it once, or give one of both an alias: other=%s/%s", s.kind, s.name)
		}
		sources = append(sources, s)
	}
	return sources, nil
}

// parseSource reads one source. Its errors are of usage.
func parseSource(item string) (source, error) {
	const example = "name Secrets and users, as in app-secrets,user/orders-api"
	s := source{kind: sourceSecret, name: item}
	if alias, rest, found := strings.Cut(item, "="); found {
		s.alias, s.name = alias, rest
		if !sourceAlias.MatchString(alias) {
			return source{}, Hinted(fmt.Errorf("%q is not an alias", alias), `use lower case letters, digits and "-", a letter first, at most 31 characters`)
		}
	}
	if word, name, found := strings.Cut(s.name, "/"); found {
		s.name = name
		switch {
		case secretKind.called(word):
		case databaseUserKind.called(word):
			s.kind = sourceUser
		default:
			return source{}, Hinted(fmt.Errorf("%q is not a kind of source", word), "write secret/NAME or user/NAME")
		}
	}
	switch {
	case s.name == "":
		return source{}, Hinted(fmt.Errorf("source %q of the list names nothing", item), example)
	case len(validation.IsDNS1123Subdomain(s.name)) > 0:
		return source{}, Hinted(fmt.Errorf("%q is not the name of a %s", s.name, s.kind), example)
	}
	return s, nil
}

// completeSources completes the last one of a list with user/NAME and the names of
// Secrets; what follows -- with files.
func completeSources(env *Environment) cobra.CompletionFunc {
	secretNames := completeSecretNames(env)
	return func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveDefault
		}
		last := strings.LastIndexAny(begun, ",=") + 1
		before, word := begun[:last], begun[last:]
		var prefix string // of Secrets
		if strings.HasPrefix(word, sourceSecret+"/") {
			prefix = sourceSecret + "/"
		}
		secrets, _ := secretNames(cmd, nil, strings.TrimPrefix(word, prefix))
		var fitting []string
		for _, name := range env.names(cmd.Context(), userKind, "") {
			if user := sourceUser + "/" + name; strings.HasPrefix(user, word) {
				fitting = append(fitting, before+user)
			}
		}
		for _, name := range secrets {
			fitting = append(fitting, before+prefix+name)
		}
		return fitting, cobra.ShellCompDirectiveNoFileComp
	}
}
