package postgres

import "testing"

// A step that grants says on what: its statement may name hundreds of tables.
func TestLackingGrantsAreCounted(t *testing.T) {
	for _, c := range []struct {
		lacking LackingGrant
		want    string
	}{
		{LackingGrant{Schema: "app", Relations: []string{"a"}}, `1 table in schema "app"`},
		{LackingGrant{Schema: "app", Relations: []string{"a", "b"}}, `2 tables in schema "app"`},
		{LackingGrant{Schema: "app", Sequences: true, Relations: []string{"a", "b"}}, `2 sequences in schema "app"`},
	} {
		if got := (lackingGrants{c.lacking, []string{"SELECT"}}).step().Object; got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}
