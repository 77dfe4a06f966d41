package postgres

import (
	"slices"
	"testing"
)

func TestSplitList(t *testing.T) {
	for _, c := range []struct {
		setting, value string
		want           []string
		bad            bool
	}{
		{"search_path", "", nil, false}, {"search_path", " \t", nil, false},
		{"search_path", "a", []string{"a"}, false},
		{"Search_Path", ` App , "b c","$user",public `, []string{"app", "b c", "$user", "public"}, false},
		{"search_path", `""`, []string{""}, false},
		{"search_path", `"a""b,c", É`, []string{`a"b,c`, "É"}, false},
		{"search_path", "$user", []string{"$user"}, false},
		{"search_path", "a b", nil, true}, {"search_path", "a,", nil, true}, {"search_path", ",a", nil, true}, {"search_path", "a,,b", nil, true},
		{"search_path", `"a`, nil, true}, {"search_path", `"a""`, nil, true}, {"search_path", `"a"b`, nil, true}, {"search_path", `"`, nil, true},
		{"local_preload_libraries", `/Opt/My Lib , "b"`, []string{"/Opt/My Lib", "b"}, false},
		{"work_mem", "a,b", nil, false},
	} {
		got, err := splitList(c.setting, c.value)
		if (err != nil) != c.bad || !slices.Equal(got, c.want) {
			t.Errorf("splitList(%q, %q) = %q, %v", c.setting, c.value, got, err)
		}
	}
}

func TestSettingSteps(t *testing.T) {
	for _, c := range []struct {
		name  string
		want  map[string]string
		have  []string
		reset []string
		sql   []string
	}{
		{"nothing", nil, []string{"work_mem=1MB"}, nil, nil},
		{"new", map[string]string{"work_mem": "64MB", "Application_Name": `it's \ me`}, nil, nil,
			[]string{`ALTER ROLE "u" SET "Application_Name" TO E'it''s \\ me'`, `ALTER ROLE "u" SET "work_mem" TO '64MB'`}},
		{"there already, in the server's spelling", map[string]string{"timezone": "UTC"}, []string{"TimeZone=UTC"}, nil, nil},
		{"another value", map[string]string{"work_mem": "64MB"}, []string{"work_mem=64kB"}, nil, []string{`ALTER ROLE "u" SET "work_mem" TO '64MB'`}},
		{"a value with =", map[string]string{"application_name": "a=b"}, []string{"application_name=a=b"}, nil, nil},
		{"an empty value", map[string]string{"application_name": ""}, nil, nil, []string{`ALTER ROLE "u" SET "application_name" TO ''`}},
		{"an empty value that stands", map[string]string{"application_name": ""}, []string{"application_name="}, nil, nil},
		{"a list", map[string]string{"search_path": `App, "b c", "$user"`}, nil, nil, []string{`ALTER ROLE "u" SET "search_path" TO 'app', 'b c', '$user'`}},
		{"a list that stands", map[string]string{"search_path": `App,"b c" , "$user"`}, []string{`search_path=app, "b c", "$user"`}, nil, nil},
		{"an empty list", map[string]string{"search_path": ""}, nil, nil, []string{`ALTER ROLE "u" SET "search_path" TO ''`}},
		{"an empty list that stands", map[string]string{"search_path": ""}, []string{`search_path=""`}, nil, nil},
		{"reset", nil, []string{"work_mem=1MB", "DateStyle=ISO"}, []string{"datestyle", "lock_timeout", "datestyle"}, []string{`ALTER ROLE "u" RESET "datestyle"`}},
		{"reset and asked for", map[string]string{"DateStyle": "ISO"}, []string{"DateStyle=ISO"}, []string{"datestyle"}, nil},
		{"never the role", nil, []string{"role=u"}, []string{"Role"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, s := range settingSteps("ROLE", "u", c.want, c.have, c.reset) {
				got = append(got, s.Statement.String())
			}
			if !slices.Equal(got, c.sql) {
				t.Errorf("got  %q\nwant %q", got, c.sql)
			}
		})
	}
}

// TestSettingTwice checks that one setting in two spellings is refused: each run would
// make the one and then the other of it.
func TestSettingTwice(t *testing.T) {
	p := &planner{state: State{SettingContexts: map[string]string{"DateStyle": "user", "datestyle": "user"}}}
	steps := p.settings("ROLE", "u", map[string]string{"DateStyle": "ISO", "datestyle": "German"}, nil, nil)
	if want := `settings "DateStyle" and "datestyle" of role "u" are the same`; len(steps) != 0 || len(p.refusals) != 1 || p.refusals[0].Problem != want {
		t.Errorf("got %v, %v", steps, p.refusals)
	}
}
