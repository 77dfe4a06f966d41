package postgres

import (
	"fmt"
	"slices"
	"strings"
)

// extensions plans those asked for. A trusted extension is created by whoever has
// CREATE on the database (manual, "Packaging Related Objects into an Extension"); the
// others by the admin: a superuser, or one that the provider lets create them.
func (p *planner) extensions(in *interior) {
	for _, extension := range in.want.Extensions {
		installed, exists := in.have.Extensions[extension.Name]
		switch {
		case exists:
			p.installedExtension(in, extension, installed)
		default:
			p.newExtension(in, extension)
		}
	}
}

// newExtension plans an extension, or refuses what the server would.
func (p *planner) newExtension(in *interior, extension Extension) {
	name, object := extension.Name, fmt.Sprintf("extension %q of database %q", extension.Name, in.want.Name)
	offer, available := p.state.Extensions[name]
	version := extension.Version
	if version == "" {
		version = offer.DefaultVersion
	}
	offered, known := offer.Versions[version]
	switch {
	case !available:
		p.refused(object+" is not available on the server", "install its package on the server, or correct the name: SELECT name FROM pg_available_extensions lists what there is")
		return
	case !known && extension.Version != "":
		p.unknownVersion(object, extension.Version, offer)
		return
	case !known:
		p.refused(object+" has no default version on the server", fmt.Sprintf("name one in spec.extensions, as in %q; the server has: %s",
			name+" VERSION …", strings.Join(sortedKeys(offer.Versions), ", ")))
		return
	case !offered.Trusted && !slices.Contains(in.want.AllowedExtensions, name):
		p.refused(object+" is not a trusted extension", fmt.Sprintf("add %q to spec.allowedExtensions of the DBCluster, or leave it out", name))
		return
	case offered.Schema != "" && extension.Schema != "" && extension.Schema != offered.Schema:
		p.refused(fmt.Sprintf("%s belongs into schema %q, spec asks for %q", object, offered.Schema, extension.Schema), "leave the schema out")
		return
	}
	fragments := []any{"CREATE EXTENSION ", ident(name)}
	if offered.Schema == "" {
		schema := extension.Schema
		if schema == "" {
			schema = publicSchema
		}
		switch {
		case in.hasSchema(schema):
		case schema == publicSchema:
			p.refused(object+" goes to schema public, which does not exist", fmt.Sprintf("name a schema for it: %s SCHEMA …", name))
			return
		default:
			p.refused(fmt.Sprintf("%s asks for schema %q, which does not exist", object, schema), fmt.Sprintf("add %q to spec.schemas, or name another schema for the extension", schema))
			return
		}
		fragments = append(fragments, " SCHEMA ", extensionSchema(schema))
	}
	if extension.Version != "" {
		fragments = append(fragments, " VERSION ", literal(extension.Version))
	}
	step := Step{Verb: "create", Object: "extension " + quoted(name), Reason: "asked for in spec.extensions", Statement: sql(fragments...)}
	if offered.Trusted {
		in.inside.owner = append(in.inside.owner, step)
	} else {
		in.last = append(in.last, step)
	}
}

// extensionSchema writes public bare.
func extensionSchema(schema string) any {
	if schema == publicSchema {
		return publicSchema
	}
	return ident(schema)
}

// hasSchema reports whether a schema exists when extensions are created.
func (in *interior) hasSchema(name string) bool {
	_, exists := in.have.Schemas[name]
	return exists || name != publicSchema && slices.Contains(in.want.Schemas, name)
}

func (p *planner) unknownVersion(object, version string, offer AvailableExtension) {
	p.refused(fmt.Sprintf("%s is not available in version %q", object, version),
		"correct the version in spec.extensions, or leave it out; the server has: "+strings.Join(sortedKeys(offer.Versions), ", "))
}

// installedExtension plans another version. Moving an extension to another schema
// would break what names its objects: that is left alone.
func (p *planner) installedExtension(in *interior, want Extension, have InstalledExtension) {
	object := fmt.Sprintf("extension %q of database %q", want.Name, in.want.Name)
	if want.Schema != "" && want.Schema != have.Schema {
		p.warn("%s is installed in schema %q, spec asks for %q: it is left there", object, have.Schema, want.Schema)
	}
	if want.Version == "" || want.Version == have.Version {
		return
	}
	offer := p.state.Extensions[want.Name]
	offered, known := offer.Versions[want.Version]
	owner := have.Owner
	ours := owner == "" || owner == in.groups.Owner
	switch {
	case !known:
		p.unknownVersion(object, want.Version, offer)
		return
	case !offered.From[have.Version]:
		p.refused(fmt.Sprintf("%s has version %q, and nothing leads from there to version %q", object, have.Version, want.Version),
			"correct the version in spec.extensions, or leave it out")
		return
	case !ours && !p.state.Server.Superuser && !p.inherits(p.state.Server.Admin, in.actual(owner)):
		p.warn("%s has version %q, spec asks for %q: %q, whom it belongs to, or a superuser runs in database %s: %s", object, have.Version, want.Version, owner,
			quoted(in.want.Name), updateExtension(want))
		return
	}
	step := Step{Verb: "alter", Object: "extension " + quoted(want.Name), Reason: fmt.Sprintf("version %s → %s", have.Version, want.Version), Risk: Locking,
		Statement: updateExtension(want)}
	if ours {
		in.inside.owner = append(in.inside.owner, step)
	} else {
		in.last = append(in.last, step)
	}
}

func updateExtension(want Extension) Statement {
	return sql("ALTER EXTENSION ", ident(want.Name), " UPDATE TO ", literal(want.Version))
}
