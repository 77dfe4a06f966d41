package plugin

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/dbtether/kubectl-dbtether/pkg/install"
)

// refuseDowngrade returns an error where a later version of this program has installed:
// the resource definitions would lose fields, and with the next write of each resource
// their values, which nobody would notice.
func (w *installing) refuseDowngrade(ctx context.Context) error {
	if w.back {
		return nil
	}
	record, err := w.record(ctx)
	if err != nil {
		return err
	}
	var found []string
	if by := record.Plugin; install.IsOlder(w.env.Version, by) {
		found = append(found, fmt.Sprintf("version %s is installed, and this is %s", by, w.env.Version))
	}
	for _, object := range w.ofKind("CustomResourceDefinition") {
		standing, err := w.env.standing(ctx, object)
		if err != nil {
			return err
		}
		if standing == nil || install.Foreign(standing) != "" {
			continue
		}
		if lost := install.Lost(standing, object); len(lost) > 0 {
			found = append(found, fmt.Sprintf("%s has fields that this version does not know, and whose values would be lost: %s", install.Title(standing), strings.Join(lost, ", ")))
		}
	}
	if len(found) == 0 {
		return nil
	}
	return Hinted(errors.New("nothing was installed:\n"+strings.Join(found, "\n")),
		"use the version that installed it, or a later one; to go back all the same, losing those values: --allow-downgrade")
}
