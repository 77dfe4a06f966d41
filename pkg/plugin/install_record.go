package plugin

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/dbtether/kubectl-dbtether/pkg/install"
)

// record reads the record of an earlier installation; empty where there was none.
func (w *installing) record(ctx context.Context) (install.Record, error) {
	config, err := w.env.configMap(ctx, install.RecordName)
	if config == nil || err != nil {
		return install.Record{}, err
	}
	record, err := install.ReadRecord(config)
	return record, Hinted(err, "delete it if nobody needs it: then nothing of an earlier installation is removed")
}

// configMap reads one of dbtether's namespace; nil where there is none.
func (e *Environment) configMap(ctx context.Context, name string) (*unstructured.Unstructured, error) {
	return e.standing(ctx, ofSystem("v1", "ConfigMap", name))
}

// writeRecord applies the record. Only a complete one is shown, so that it is shown once.
func (w *installing) writeRecord(ctx context.Context, record install.Record) error {
	config, err := record.ConfigMap()
	if err != nil {
		return err
	}
	before, after, err := w.apply(ctx, config)
	if err != nil {
		return fmt.Errorf("write down what is installed: %w", err)
	}
	if !record.Complete {
		w.recordBefore = before
		return nil
	}
	return w.show(after, install.Outcome(w.recordBefore, after))
}
