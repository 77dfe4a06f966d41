package postgres

import "github.com/jackc/pgx/v5"

// This file reads what the server offers: settings, locales, extensions.

// queueSettingContexts reads who may change the settings asked for. The server
// compares their names without regard to case.
func (s *State) queueSettingContexts(batch *pgx.Batch, names []string) {
	if len(names) == 0 {
		return
	}
	batch.Queue(`SELECT asked.name, s.context FROM unnest($1::text[]) AS asked(name)
		JOIN pg_catalog.pg_settings s ON lower(s.name) = lower(asked.name)`, names).Query(func(rows pgx.Rows) error {
		return each(rows, func() error {
			var name, context string
			err := rows.Scan(&name, &context)
			s.SettingContexts[name] = context
			return err
		})
	})
}

// queueICULanguages reads which languages ICU knows: initdb made a collation for each
// of its locales (manual, "ICU Collations").
func (s *State) queueICULanguages(batch *pgx.Batch, version int) {
	locale := "collcollate"
	switch {
	case version >= 170000:
		locale = "colllocale"
	case version >= 150000:
		locale = "colliculocale"
	}
	batch.Queue(`SELECT DISTINCT lower(split_part(replace(` + locale + `::text, '_', '-'), '-', 1))
		FROM pg_catalog.pg_collation WHERE collprovider = 'i' AND ` + locale + ` <> ''`).Query(func(rows pgx.Rows) error {
		return each(rows, func() error {
			var language string
			err := rows.Scan(&language)
			s.ICULanguages[language] = true
			return err
		})
	})
}

// queueExtensions reads what the server could create of the extensions asked for.
// Those that need no superuser anyone may create, as if they were trusted.
func (s *State) queueExtensions(batch *pgx.Batch, names []string) {
	if len(names) == 0 {
		return
	}
	batch.Queue(`SELECT e.name, coalesce(e.default_version, ''), v.version, v.trusted OR NOT v.superuser, coalesce(v.schema, ''),
			coalesce((SELECT array_agg(u.source) FROM pg_extension_update_paths(e.name) u WHERE u.target = v.version AND u.path IS NOT NULL), '{}')
		FROM pg_catalog.pg_available_extensions e
		JOIN pg_catalog.pg_available_extension_versions v ON v.name = e.name
		WHERE e.name = ANY($1)`, names).Query(func(rows pgx.Rows) error {
		return each(rows, func() error {
			var name, defaultVersion, version string
			var from []string
			v := ExtensionVersion{From: map[string]bool{}}
			err := rows.Scan(&name, &defaultVersion, &version, &v.Trusted, &v.Schema, &from)
			for _, f := range from {
				v.From[f] = true
			}
			e, known := s.Extensions[name]
			if !known {
				e = AvailableExtension{DefaultVersion: defaultVersion, Versions: map[string]ExtensionVersion{}}
			}
			e.Versions[version] = v
			s.Extensions[name] = e
			return err
		})
	})
}
