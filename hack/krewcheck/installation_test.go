package main

import "testing"

func TestSameObjects(t *testing.T) {
	const a, b = "kind: A\nx: 1\n", "kind: B\n"
	if n, err := sameObjects(a+"---\n"+b, "# a comment\n---\n"+a+"---\n"+b); n != 2 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
	for other, want := range map[string]string{
		a:                        "install prints 2 objects, install.yaml has 1",
		b + "---\n" + a:          "object 1 differs",
		a + "---\nkind: B\ny: 1": "object 2 differs",
	} {
		_, err := sameObjects(a+"---\n"+b, other)
		expectError(t, other, err, want)
	}
	_, err := sameObjects("", "")
	expectError(t, "nothing", err, "install prints 0 objects")
}
