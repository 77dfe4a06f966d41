package install

import (
	"reflect"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func titles(objects []*unstructured.Unstructured) []string {
	var all []string
	for _, object := range objects {
		all = append(all, Title(object))
	}
	return all
}

// What was installed with a runner and is installed without one leaves what is the
// runner's, and nothing else.
func TestRecord(t *testing.T) {
	p := defaults()
	p.Runner = RunnerCronJob
	before := render(t, func(p *Parameters) { p.Runner = RunnerCronJob })
	config, err := Record{Parameters: p, Plugin: "v0.2.0", Objects: before, Complete: true}.ConfigMap()
	if err != nil {
		t.Fatal(err)
	}
	record, err := ReadRecord(config)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(record.Parameters, p) || record.Plugin != "v0.2.0" || !record.Complete {
		t.Errorf("read %+v", record)
	}
	after := render(t, nil)
	want := []string{"ServiceAccount dbtether-system/dbtether-runner", "ClusterRoleBinding dbtether-runner", "RoleBinding dbtether-system/dbtether-runner", "CronJob dbtether-system/dbtether-runner"}
	if got := titles(Left(record.Objects, after)); !reflect.DeepEqual(got, want) {
		t.Errorf("left: %q", got)
	}
	if got := len(record.With(after)); got != len(before) {
		t.Errorf("%d objects may be there, and %d were", got, len(before))
	}
	for _, left := range Left(before, record.Objects) {
		t.Errorf("the record forgets %s", Title(left))
	}
}

func TestRecordOfSomebodyElse(t *testing.T) {
	for _, data := range []map[string]any{{}, {"parameters": "{}", "objects": "one two\n"}, {"parameters": "no JSON"}} {
		config := named("v1", "ConfigMap", "dbtether-system", RecordName)
		config.Object["data"] = data
		if record, err := ReadRecord(config); err == nil {
			t.Errorf("%v is read as %+v", data, record)
		}
	}
}

// Whatever some installation has, an uninstallation looks for.
func TestEverything(t *testing.T) {
	all, err := Everything()
	if err != nil {
		t.Fatal(err)
	}
	for _, runner := range Runners() {
		for _, certificate := range Certificates() {
			objects := render(t, func(p *Parameters) { p.Runner, p.Certificate = runner, certificate })
			for _, missing := range Left(objects, all) {
				t.Errorf("%s, %s: nobody would remove %s", runner, certificate, Title(missing))
			}
		}
	}
}
