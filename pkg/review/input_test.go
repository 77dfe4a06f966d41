package review

import (
	"reflect"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/policy"
)

// TestDescribe checks what policies are told of a spec: everything that is set, and
// what stands for nothing where nothing is.
func TestDescribe(t *testing.T) {
	if got, want := *describeSpec(&v1alpha1.DatabaseSpec{}), (policy.DatabaseSpec{ConnectionLimit: -1}); !reflect.DeepEqual(got, want) {
		t.Errorf("an empty Database: got %+v", got)
	}
	if got, want := describeUser(&v1alpha1.DatabaseUser{}), (policy.RoleSpec{ConnectionLimit: -1, RotationStrategy: "Alternate"}); !reflect.DeepEqual(got, want) {
		t.Errorf("an empty DatabaseUser: got %+v", got)
	}
	ends := metav1.NewTime(time.Date(2030, 1, 31, 1, 0, 0, 0, time.FixedZone("CET", 3600)))
	got := describeUser(&v1alpha1.DatabaseUser{Spec: v1alpha1.DatabaseUserSpec{Username: "report", ConnectionLimit: new(int32(5)), Settings: map[string]v1alpha1.SettingValue{"search_path": "app"},
		Rotation: &v1alpha1.RotationSpec{Days: 30, Strategy: v1alpha1.RotateInPlace}, ExpiresAt: &ends, ServiceAccounts: []string{"web"}, DeletionPolicy: "Retain", Adopt: true}})
	want := policy.RoleSpec{Username: "report", ConnectionLimit: 5, Settings: map[string]string{"search_path": "app"}, RotationDays: 30, RotationStrategy: "InPlace",
		ExpiresAt: "2030-01-31T00:00:00Z", ServiceAccounts: []string{"web"}, DeletionPolicy: "Retain", Adopt: true}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	described := describeSpec(&v1alpha1.DatabaseSpec{Owner: "api", Schemas: []v1alpha1.SchemaName{"app"}, Extensions: []v1alpha1.Extension{"hstore SCHEMA app VERSION 1.8"},
		Parameters: map[string]v1alpha1.SettingValue{"work_mem": "8MB"}, ConnectionLimit: new(int32(0)), DeletionPolicy: "Delete", DeletionProtection: true, ForceDrop: true, Adopt: true})
	if want := (&policy.DatabaseSpec{Owner: "api", Schemas: []string{"app"}, Extensions: []string{"hstore"}, Parameters: map[string]string{"work_mem": "8MB"},
		DeletionPolicy: "Delete", DeletionProtection: true, ForceDrop: true, Adopt: true}); !reflect.DeepEqual(described, want) {
		t.Errorf("got  %+v\nwant %+v", described, want)
	}
}
