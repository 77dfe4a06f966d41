package inject

import (
	"strconv"
	"strings"
)

// Injection is an entry of the annotation dbtether.io/injected: in which form a pod was given
// the credential of one user.
type Injection struct {
	User, Alias string
	// Revision is that of the Secret when the pod was admitted; -1 where it cannot be read,
	// which happens only in an entry that somebody else wrote.
	Revision int64
	// Form is the text of the entry: env, files, libpq, env+files or env+libpq.
	Form string
}

// ReadInjected returns the entries of a text of the annotation dbtether.io/injected, in its
// order, whoever wrote it. There are none where the text is empty or Nothing.
func ReadInjected(text string) []Injection {
	if text == "" || text == Nothing {
		return nil
	}
	var all []Injection
	for entry := range strings.SplitSeq(text, ",") {
		name, rest, _ := strings.Cut(strings.TrimSpace(entry), "@")
		i := Injection{User: name}
		if alias, user, aliased := strings.Cut(name, "="); aliased {
			i.User, i.Alias = user, alias
		}
		var number string
		number, i.Form, _ = strings.Cut(rest, ":")
		revision, err := strconv.ParseInt(number, 10, 64)
		if err != nil || revision < 0 {
			revision = -1
		}
		i.Revision = revision
		all = append(all, i)
	}
	return all
}
