package postgres

import (
	"fmt"
	"slices"
	"strings"
)

// localeProvider refuses what the server's version does not have. PostgreSQL 15 takes
// any text for an ICU locale and sorts as if it were none.
func (p *planner) localeProvider(want Database, object string) bool {
	version := p.state.Server.VersionText
	major := p.state.Server.major()
	asks := fmt.Sprintf("%s asks for locale provider %q", object, want.LocaleProvider)
	switch want.LocaleProvider {
	case "", "libc":
		if want.Locale != "" {
			return p.refused(fmt.Sprintf("%s asks for locale %q without locale provider icu or builtin", object, want.Locale), "set spec.localeProvider, or spec.lcCollate and spec.lcCtype")
		}
	case "icu":
		language := icuLanguage(want.Locale)
		switch {
		case major < 15:
			return p.refused(asks+fmt.Sprintf(", which PostgreSQL %s does not have for databases", version), "use PostgreSQL 15 or later, or set spec.lcCollate and spec.lcCtype instead")
		case want.Locale == "":
			return p.refused(asks+" without a locale", "set spec.icuLocale")
		case len(p.state.ICULanguages) == 0:
			return p.refused(asks+", and the server was built without ICU", "use a server with ICU, or set spec.lcCollate and spec.lcCtype instead")
		case !p.state.ICULanguages[language]:
			return p.refused(fmt.Sprintf("%s asks for ICU locale %q, and the server's ICU knows no language %q", object, want.Locale, language),
				"correct spec.icuLocale: SELECT collname FROM pg_collation WHERE collprovider = 'i' lists what there is")
		}
	case "builtin":
		known := []string{"C", "C.UTF-8"}
		if major >= 18 {
			known = append(known, "PG_UNICODE_FAST")
		}
		switch {
		case major < 17:
			return p.refused(asks+fmt.Sprintf(", which PostgreSQL %s does not have", version), "use PostgreSQL 17 or later, or set spec.lcCollate and spec.lcCtype instead")
		case !slices.Contains(known, want.Locale):
			return p.refused(fmt.Sprintf("%s asks for builtin locale %q, which PostgreSQL %s does not have", object, want.Locale, version),
				"set spec.builtinLocale to one of: "+strings.Join(known, ", "))
		}
	default:
		return p.refused(asks+", which PostgreSQL does not have", "set spec.localeProvider to libc, icu or builtin")
	}
	return true
}

// sameLocale refuses an existing database whose encoding or locale is not what is
// asked for: they are fixed when it is created.
func (p *planner) sameLocale(want Database, have DatabaseState) bool {
	var differs []string
	compare := func(what, want, have string, normal func(string) string) {
		if want != "" && normal(want) != normal(have) {
			differs = append(differs, fmt.Sprintf("has %s %q, spec asks for %q", what, have, want))
		}
	}
	compare("encoding", want.Encoding, have.Encoding, normalEncoding)
	compare("collation", want.Collate, have.Collate, normalLocale)
	compare("character classes", want.CType, have.CType, normalLocale)
	compare("locale provider", want.LocaleProvider, have.LocaleProvider, strings.ToLower)
	if want.LocaleProvider == "icu" {
		compare("ICU locale", want.Locale, have.Locale, normalICU)
	} else {
		compare("locale", want.Locale, have.Locale, normalLocale)
	}
	if len(differs) == 0 {
		return true
	}
	return p.refused(fmt.Sprintf("database %q %s", want.Name, strings.Join(differs, "; ")),
		"these cannot be changed: create another Database and move the data, or correct the spec")
}

// encodingAliases are names that the server takes and does not print (manual,
// "Character Set Support").
var encodingAliases = map[string]string{
	"unicode": "utf8", "iso88591": "latin1", "iso88592": "latin2", "iso88593": "latin3", "iso88594": "latin4", "iso88599": "latin5",
	"iso885910": "latin6", "iso885913": "latin7", "iso885914": "latin8", "iso885915": "latin9", "iso885916": "latin10",
	"koi8": "koi8r", "alt": "win866", "win": "win1251", "tcvn": "win1258", "tcvn5712": "win1258", "vscii": "win1258", "abc": "win1258",
}

// normalEncoding makes equal what names the same character set: "UTF8" and "utf-8".
func normalEncoding(name string) string {
	name = strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(name))
	if number, found := strings.CutPrefix(name, "windows"); found {
		name = "win" + number
	}
	if canonical, known := encodingAliases[name]; known {
		return canonical
	}
	return name
}

// normalLocale makes equal what libc takes for the same locale: "en_US.UTF-8" and
// "en_US.utf8".
func normalLocale(name string) string {
	name = strings.ToLower(name)
	language, rest, found := strings.Cut(name, ".")
	if language == "posix" {
		language = "c"
	}
	if !found {
		return language
	}
	codeset, modifier, _ := strings.Cut(rest, "@")
	return language + "." + normalEncoding(codeset) + "@" + modifier
}

// normalICU returns language, script and region of an ICU locale. The server rewrites
// what comes after (manual, "Language Tag"), so that is not compared.
func normalICU(name string) string {
	name = strings.ReplaceAll(strings.ToLower(name), "_", "-")
	name, _, _ = strings.Cut(name, "@")
	name, _, _ = strings.Cut(name, "-u-")
	return name
}

// icuLanguage returns the language of an ICU locale: "de" of "de-AT".
func icuLanguage(locale string) string {
	language, _, _ := strings.Cut(normalICU(locale), "-")
	return language
}
