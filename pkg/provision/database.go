package provision

import (
	"context"
	"maps"
	"path"
	"slices"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
)

// databaseJob is the database of a job.
type databaseJob struct {
	db *v1alpha1.Database
	// name is the database's in PostgreSQL.
	name string
	// adopted is whether it was there before, and is or was taken over.
	adopted bool
}

// extend adds to the scope what a plan of the database has to know of.
func (d *databaseJob) extend(scope *postgres.Scope) {
	spec := d.db.Spec
	scope.Databases = append(scope.Databases, d.name)
	if spec.Template != "" {
		scope.Databases = append(scope.Databases, spec.Template)
	}
	if d.db.UID != "" {
		scope.Markers = append(scope.Markers, string(d.db.UID))
	}
	for _, e := range spec.Extensions {
		name, _, _ := e.Parts()
		scope.Extensions = append(scope.Extensions, name)
	}
	scope.Settings = append(scope.Settings, slices.Sorted(maps.Keys(spec.Parameters))...)
	scope.ICU = scope.ICU || spec.IcuLocale != ""
	scope.Fingerprints = true
}

// desired turns the resource into the database as it should be.
func (d *databaseJob) desired(j *Job, state postgres.State) postgres.Database {
	spec := d.db.Spec
	have, exists := state.Databases[d.name]
	d.adopted = d.db.Status.Adopted || spec.Adopt && exists && d.db.Status.ProvisionedTime == nil && !have.BelongsTo(databaseMarker(d.db)) && have.AllowConnections
	want := postgres.Database{
		Name: d.name, Marker: databaseMarker(d.db),
		Provisioned: d.db.Status.ProvisionedTime != nil, Recreate: j.request.Recreate, Adopt: d.adopts(j, have),
		Template: spec.Template, Encoding: spec.Encoding, Collate: spec.LcCollate, CType: spec.LcCtype,
		LocaleProvider: spec.LocaleProvider, Locale: spec.IcuLocale + spec.BuiltinLocale, // one of them, by the API's rules
		ConnectionLimit:   limit(spec.ConnectionLimit),
		KeepPublicConnect: d.adopted,
		AllowedExtensions: allowedExtensions(j.Cluster),
		Parameters:        settings(spec.Parameters),
		ResetParameters:   dropped(d.db.Status.Parameters, spec.Parameters),
	}
	if spec.RevokePublicConnect != nil {
		want.KeepPublicConnect = !*spec.RevokePublicConnect
	}
	for _, s := range spec.Schemas {
		want.Schemas = append(want.Schemas, string(s))
	}
	for _, e := range spec.Extensions {
		name, schema, version := e.Parts()
		want.Extensions = append(want.Extensions, postgres.Extension{Name: name, Schema: schema, Version: version})
	}
	return want
}

// adopts reports whether a database may be claimed, or was. What bears our mark is ours,
// and follows our rules unless it was adopted; for another the status proves nothing,
// because others can write it too.
func (d *databaseJob) adopts(j *Job, have postgres.DatabaseState) bool {
	if have.BelongsTo(databaseMarker(d.db)) {
		return d.db.Status.Adopted
	}
	return d.db.Spec.Adopt && d.adopted && (!j.p.Runner || admitted(j.Cluster.Spec.Adoption.DatabaseNames(), d.name))
}

// claim writes down that the database is adopted before it bears our mark: afterwards
// it could not be told from one that we made.
func (d *databaseJob) claim(ctx context.Context, j *Job) error {
	if !d.adopted || d.db.Status.Adopted {
		return nil
	}
	status := d.db.Status
	status.Adopted, status.Phase, status.Message = true, v1alpha1.PhasePending, "being adopted"
	if err := j.p.applyStatus(ctx, v1alpha1.Databases, v1alpha1.KindDatabase, d.db, &d.db.Status, &status); err != nil {
		return err
	}
	d.db.Status = status
	return nil
}

// admitted reports whether one of the patterns matches a name.
func admitted(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		matches, err := path.Match(pattern, name)
		return err == nil && matches
	})
}

// writeStatus writes what came of the database.
func (d *databaseJob) writeStatus(ctx context.Context, j *Job, o outcome) error {
	status := v1alpha1.DatabaseStatus{Phase: o.phase(), Message: o.text(), DatabaseName: d.name, ObservedGeneration: d.db.Generation,
		Fingerprint: d.db.Status.Fingerprint, Adopted: d.db.Status.Adopted, ProvisionedTime: d.db.Status.ProvisionedTime, Parameters: d.db.Status.Parameters,
		Conditions: o.conditions(j.p.Now(), d.db.Generation, d.db.Status.Conditions)}
	if o.err == nil {
		status.Parameters = slices.Sorted(maps.Keys(d.db.Spec.Parameters))
		if status.ProvisionedTime == nil {
			status.ProvisionedTime = timestamp(j.p.Now())
		}
		if j.request.fingerprints || status.Fingerprint == "" || !j.Plan.Empty() {
			status.Fingerprint = d.fingerprint(ctx, j)
		}
	}
	return j.p.applyStatus(ctx, v1alpha1.Databases, v1alpha1.KindDatabase, d.db, &d.db.Status, &status)
}

// fingerprint returns what the database and what it is made from look like now: while
// neither changes, the database need not be read. Empty where the server does not say.
func (d *databaseJob) fingerprint(ctx context.Context, j *Job) string {
	state, err := j.server.Observe(ctx, postgres.Scope{Named: true, References: []string{d.name}, Fingerprints: true})
	if err != nil || state.Fingerprints[d.name] == "" {
		return ""
	}
	return databaseFingerprint(d.db, j.Cluster, state.Fingerprints[d.name])
}

// limit returns a connection limit as PostgreSQL writes it: -1 for none.
func limit(n *int32) int {
	if n == nil {
		return -1
	}
	return int(*n)
}

// settings returns values of the API as those of a plan.
func settings(values map[string]v1alpha1.SettingValue) map[string]string {
	result := make(map[string]string, len(values))
	for name, value := range values {
		result[name] = string(value)
	}
	return result
}

// dropped returns the names that were set and are asked for no longer.
func dropped(had []string, want map[string]v1alpha1.SettingValue) []string {
	return slices.DeleteFunc(slices.Clone(had), func(name string) bool {
		_, wanted := want[name]
		return wanted
	})
}
