package postgres_test

import "github.com/dbtether/kubectl-dbtether/pkg/postgres"

func localeCases() []planCase {
	icu := func(a admin) postgres.State {
		s := bare(a)
		s.ICULanguages = map[string]bool{"de": true, "und": true}
		return s
	}
	provider := func(name, locale string) postgres.Desired {
		return wanting(func(d *postgres.Database) { d.LocaleProvider, d.Locale = name, locale })
	}
	libc := wanting(func(d *postgres.Database) {
		d.Encoding, d.Collate, d.CType, d.LocaleProvider = "LATIN1", "de_AT.iso88591", "it's", "libc"
	})
	located := func() postgres.State {
		return having(provisioned(admin18), func(d *postgres.DatabaseState) {
			d.Encoding, d.Collate, d.CType, d.LocaleProvider, d.Locale = "UTF8", "en_US.utf8", "C", "icu", "de-AT-u-co-phonebk"
		})
	}
	return []planCase{
		{"locale_libc_14", bare(admin{14, false}), libc},
		{"locale_libc", bare(admin18), libc},
		{"locale_icu_14", bare(admin{14, false}), provider("icu", "de")},
		{"locale_icu_15", icu(admin{15, false}), provider("icu", "de_AT")},
		{"locale_icu", icu(admin18), wanting(func(d *postgres.Database) { d.LocaleProvider, d.Locale, d.Collate, d.CType = "icu", "de-AT", "C", "C" })},
		{"locale_icu_unknown", icu(admin18), provider("icu", "xx-AT")},
		{"locale_icu_unnamed", icu(admin18), provider("icu", "")},
		{"locale_icu_not_built", bare(admin18), provider("icu", "de")},
		{"locale_builtin", bare(admin18), provider("builtin", "PG_UNICODE_FAST")},
		{"locale_builtin_16", bare(admin{16, false}), provider("builtin", "C")},
		{"locale_builtin_17", bare(admin{17, false}), provider("builtin", "PG_UNICODE_FAST")},
		{"locale_without_provider", bare(admin18), provider("", "de")},
		{"locale_provider_unknown", bare(admin18), provider("musl", "")},
		{"locale_impossible", bare(admin18), wanting(func(d *postgres.Database) { d.Collate = "a\nb" })},
		{"locale_same", located(), wanting(func(d *postgres.Database) {
			d.Encoding, d.Collate, d.CType, d.LocaleProvider, d.Locale = "utf-8", "en_US.UTF-8", "POSIX", "icu", "de_at@collation=phonebook"
		})},
		{"locale_differs", located(), wanting(func(d *postgres.Database) {
			d.Encoding, d.Collate, d.CType, d.LocaleProvider, d.Locale = "LATIN1", "en_US", "C.UTF-8", "builtin", "C"
		})},
		{"locale_differs_adopted", having(located(), func(d *postgres.DatabaseState) { d.Comment = "" }), wanting(func(d *postgres.Database) { d.Adopt, d.Encoding = true, "LATIN1" })},
	}
}
