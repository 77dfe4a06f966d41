package dbtether.policies.workload.binding_test

import data.dbtether.policies.workload.binding

usable := {
	"user": "orders-api",
	"alias": "",
	"namespace": "shop",
	"exists": true,
	"ready": true,
	"deleting": false,
	"optional": false,
	"phase": "Ready",
	"message": "",
	"expiresAt": "",
	"otherNamespaces": [],
}

absent := object.union(usable, {"exists": false, "ready": false, "phase": ""})

denied(bindings) := findings if {
	findings := binding.deny with input as {"binding": bindings, "now": "2030-01-31T12:00:00Z"}
}

finding(code, message, fix) := {"code": code, "message": message, "fix": fix, "path": `metadata.annotations["dbtether.io/inject"]`}

test_nothing_asked_for if {
	denied([]) == set()
}

test_usable if {
	denied([usable]) == set()
}

test_starts_without if {
	denied([object.union(usable, {"ready": false, "optional": true, "phase": "Pending"})]) == set()
}

test_unknown_though_optional if {
	count(denied([object.union(absent, {"optional": true})])) == 1
}

test_unknown if {
	denied([absent]) == {finding(
		"USER-UNKNOWN",
		`user "orders-api" does not exist in namespace "shop"`,
		`create it with "kubectl dbtether user create", or correct the annotation dbtether.io/inject`,
	)}
}

test_elsewhere if {
	denied([object.union(absent, {"otherNamespaces": ["data", "web"]})]) == {finding(
		"USER-ELSEWHERE",
		`user "orders-api" does not exist in namespace "shop", only in data, web`,
		`run the pod there, or create a DatabaseUser in namespace "shop"`,
	)}
}

test_here_and_elsewhere if {
	denied([object.union(usable, {"otherNamespaces": ["data", "web"]})]) == set()
}

test_not_ready if {
	denied([object.union(usable, {"ready": false, "phase": "Failed", "message": "no such cluster"})]) == {finding(
		"USER-NOT-READY",
		`user "orders-api" in namespace "shop" is not ready (Failed: no such cluster)`,
		`wait until it is ready; "kubectl dbtether user describe orders-api -n shop" says what it waits for`,
	)}
}

test_not_ready_without_message if {
	some found in denied([object.union(usable, {"ready": false, "phase": "Pending"})])
	found.message == `user "orders-api" in namespace "shop" is not ready (Pending)`
}

test_ready_though_failed if {
	denied([object.union(usable, {"phase": "Failed", "message": "no such cluster"})]) == set()
}

test_deleting if {
	expected := {finding(
		"USER-DELETING",
		`user "orders-api" in namespace "shop" is being deleted`,
		"take it out of the annotation dbtether.io/inject, or create it again when it is gone",
	)}
	denied([object.union(usable, {"deleting": true})]) == expected
	denied([object.union(usable, {"deleting": true, "ready": false})]) == expected
}

test_expired if {
	expected := {finding(
		"USER-EXPIRED",
		`user "orders-api" in namespace "shop" has expired at 2030-01-31T12:00:00Z`,
		"move spec.expiresAt of the DatabaseUser, or take the user out of the annotation dbtether.io/inject",
	)}
	denied([object.union(usable, {"expiresAt": "2030-01-31T12:00:00Z"})]) == expected
	denied([object.union(usable, {"expiresAt": "2030-01-31T12:00:00Z", "ready": false, "phase": "Expired"})]) == expected
	denied([object.union(usable, {"expiresAt": "2030-01-31T12:00:00Z", "ready": false, "optional": true})]) == expected
}

test_expires_later if {
	denied([object.union(usable, {"expiresAt": "2030-01-31T12:00:01Z"})]) == set()
}

test_not_ready_and_expires_later if {
	codes := {found.code | some found in denied([object.union(usable, {"expiresAt": "2030-01-31T12:00:01Z", "ready": false, "phase": "Pending"})])}
	codes == {"USER-NOT-READY"}
}

test_expired_and_deleting if {
	codes := {found.code | some found in denied([object.union(usable, {"expiresAt": "2020-01-01T00:00:00Z", "deleting": true})])}
	codes == {"USER-DELETING"}
}

test_absent_is_nothing_else if {
	codes := {found.code | some found in denied([object.union(absent, {"deleting": true, "ready": true})])}
	codes == {"USER-UNKNOWN"}
}

test_each_binding_is_judged if {
	codes := {found.code | some found in denied([usable, absent, object.union(usable, {"deleting": true})])}
	codes == {"USER-UNKNOWN", "USER-DELETING"}
}
