package admission

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// handmade is a pod with annotations, the fields of its container and of its spec.
func handmade(name, annotations, container, spec string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: Pod\nmetadata: {%s, annotations: {%s}}\nspec: {containers: [{name: app, image: registry.example/app:1%s}]%s}\n",
		name, annotations, container, spec)
}

// Variables as the webhook writes them, and their prefix.
func referring(prefix string) string {
	var variables []string
	for _, name := range []string{"PGHOST", "PGPORT", "PGDATABASE", "PGUSER", "PGPASSWORD", "PGSSLMODE"} {
		variables = append(variables, "{name: "+prefix+name+", valueFrom: {secretKeyRef: {name: orders-api-credentials, key: host}}}")
	}
	return strings.Join(variables, ", ")
}

const replicaSets = "system:serviceaccount:kube-system:replicaset-controller"

// What the webhook makes of a pod the API server takes, whatever the pod had before.
func TestFloorTakesWhatTheWebhookMakes(t *testing.T) {
	c := newCluster(t)
	ns := c.namespace(t, enabled)
	c.user(t, ns, "orders-api", 3)
	c.user(t, ns, "analytics.ro", 12)
	c.seen(t, "USER-UNKNOWN", podNamed("x", `dbtether.io/inject: "analytics.ro,b=nobody"`), ns)
	own := ", env: [" + strings.NewReplacer("valueFrom: {secretKeyRef: {name: orders-api-credentials, key: host}}", "value: x").Replace(referring("")) + "]"
	mount := func(path string) string { return ", volumeMounts: [{name: own, mountPath: " + path + "}]" }
	const volume = ", volumes: [{name: own, emptyDir: {}}]"
	for i, p := range []struct{ annotations, container, spec, injected string }{
		{"dbtether.io/inject: orders-api", "", "", "orders-api@3:env+files"},
		{"dbtether.io/inject: ' orders-api , r-o = analytics.ro '", "", "", "orders-api@3:env+files,r-o=analytics.ro@12:env+files"},
		{"dbtether.io/inject: 'a=orders-api,analytics.ro', dbtether.io/as: ' env '", "", "", "a=orders-api@3:env,analytics.ro@12:env"},
		{"dbtether.io/inject: analytics.ro, dbtether.io/as: files", "", "", "analytics.ro@12:files"},
		{"dbtether.io/inject: orders-api, dbtether.io/as: files, dbtether.io/env: DATABASE_URL=uri", "", "", "orders-api@3:env+files"},
		{"dbtether.io/inject: 'orders-api,r=analytics.ro', dbtether.io/as: files, dbtether.io/env: URL=r.uri", "", "", "orders-api@3:files,r=analytics.ro@12:env+files"},
		{"dbtether.io/inject: orders-api, dbtether.io/containers: migrate", "", ", initContainers: [{name: migrate, image: registry.example/app:1}]", "orders-api@3:env+files"},
		{"dbtether.io/inject: orders-api, dbtether.io/as: env", own, "", "orders-api@3:env"},
		{"dbtether.io/inject: orders-api", own + mount("/bindings/orders-api/"), volume, "orders-api@3:env+files"},
		{"dbtether.io/inject: orders-api, dbtether.io/as: files", mount("/bindings/./orders-api/."), volume, "orders-api@3:files"},
		{"dbtether.io/inject: orders-api, dbtether.io/as: files", ", env: [{name: SERVICE_BINDING_ROOT, value: /srv/}]", "", "orders-api@3:files"},
		{"dbtether.io/inject: orders-api, dbtether.io/as: libpq", "", "", "orders-api@3:libpq"},
		{"dbtether.io/inject: 'orders-api,r=analytics.ro', dbtether.io/as: libpq, dbtether.io/env: URL=r.uri", "", "", "orders-api@3:libpq,r=analytics.ro@12:env+libpq"},
		{"dbtether.io/inject: orders-api, dbtether.io/path: /etc/database, dbtether.io/file-mode: '0440'", "", "", "orders-api@3:env+files"},
		{"dbtether.io/inject: orders-api, dbtether.io/files: 'user=username', dbtether.io/optional: 'true'", "", "", "orders-api@3:env+files"},
		{"dbtether.io/inject: none", "", "", ""},
		{"dbtether.io/inject: orders-api, dbtether.io/injected: none", "", "", "orders-api@3:env+files"},
		{"dbtether.io/inject: orders-api, dbtether.io/injected: 'orders-api@99:files'", "", "", "orders-api@3:env+files"},
	} {
		name := fmt.Sprintf("pod-%d", i)
		manifest := handmade("name: "+name, p.annotations, p.container, p.spec)
		c.must(t, manifest, "create", "-n", ns, "--dry-run=server", "-f", "-")
		c.must(t, manifest, "apply", "--server-side", "-n", ns, "-f", "-")
		if got := c.pod(t, ns, name).Annotations["dbtether.io/injected"]; got != p.injected {
			t.Errorf("%s: dbtether.io/injected is %q, not %q", p.annotations, got, p.injected)
		}
	}
	c.try(t, []attempt{
		{"the pod of a ReplicaSet", replicaSets, handmade("generateName: orders-", "dbtether.io/inject: orders-api", "",
			", serviceAccountName: default"), []string{"create", "-n", ns, "-f", "-"}, ""},
		{"an ephemeral container", "", "", debugging(ns, "pod-0", "one"), ""},
		{"an ephemeral container beside files", "", "", debugging(ns, "pod-3", "one"), ""},
		{"an ephemeral container that is not among those named", "", "", debugging(ns, "pod-6", "one"), ""},
		{"a further ephemeral container", "", "", debugging(ns, "pod-0", "two"), ""},
	})
}

func debugging(namespace, pod, container string) []string {
	return []string{"debug", pod, "-n", namespace, "--image=registry.example/tools:1", "--container=" + container, "--profile=restricted", "--quiet", "--", "true"}
}

// While the webhook is down a pod does not start without what it asks for, or with what
// only looks like it; and who asks for nothing notices nothing.
func TestFloorWithoutTheWebhook(t *testing.T) {
	c := newCluster(t)
	ns, plain := c.namespace(t, enabled), c.namespace(t)
	c.user(t, ns, "orders-api", 3)
	c.must(t, podNamed("orders", "dbtether.io/inject: orders-api"), "create", "-n", ns, "-f", "-")
	c.must(t, podNamed("files", "dbtether.io/inject: orders-api", "dbtether.io/as: files"), "create", "-n", ns, "-f", "-")
	c.must(t, podNamed("plain"), "create", "-n", ns, "-f", "-")
	if err := c.webhook.stop(); err != nil {
		t.Fatal(err)
	}
	create := []string{"create", "-n", ns, "-f", "-"}
	pod := func(annotations, container, spec string) string {
		return handmade("name: x", annotations, container, spec)
	}
	in := func(sentence string) string { return fmt.Sprintf(sentence, ns) }
	down := in(`NOT-INJECTED: pod "x" in namespace "%s" asks for credentials (dbtether.io/inject), but the webhook that gives them did not answer. Try again; if it stays so, ask the platform team to run: kubectl dbtether check`)
	empty := in(`NOT-INJECTED: pod "x" in namespace "%s" says that it was given credentials (dbtether.io/injected), but does not refer to the Secret of each user. Remove that annotation and create the pod again; if it stays so, ask the platform team to run: kubectl dbtether check`)
	forged := func(what string) string {
		return in(`INJECTED-FORGED: the annotation dbtether.io/injected of pod "x" in namespace "%s" ` + what + `. Remove it: it is set at admission.`)
	}
	syntax, names, form := forged("is not one that the webhook writes"), forged("names other users than dbtether.io/inject"), forged("says another form than dbtether.io/as")
	variables := ", env: [" + referring("") + "]"
	claim := func(injected, more string) string {
		return "dbtether.io/inject: orders-api, dbtether.io/injected: '" + injected + "'" + more
	}
	unasked := func(namespace string) string {
		return fmt.Sprintf(`INJECTED-FORGED: pod "x" in namespace "%s" says that it was given credentials (dbtether.io/injected), but asks for none (dbtether.io/inject). Remove the annotation: it is set at admission.`, namespace)
	}
	c.try(t, []attempt{
		{"a pod that asks", "", pod("dbtether.io/inject: orders-api", "", ""), create, down},
		{"a pod that asks, as a trial", "", pod("dbtether.io/inject: orders-api", "", ""), append(create, "--dry-run=server"), down},
		{"a pod that asks, by server-side apply", "", pod("dbtether.io/inject: orders-api", "", ""), []string{"apply", "--server-side", "-n", ns, "-f", "-"}, down},
		{"a pod that asks and says nothing", "", pod(claim("", ""), variables, ""), create, down},
		{"an annotation that is no list", "", pod(claim("yes", ""), "", ""), create, syntax},
		{"a revision that is no number", "", pod(claim("orders-api@v3:env+files", ""), "", ""), create, syntax},
		{"a revision with a leading zero", "", pod(claim("orders-api@03:env+files", ""), "", ""), create, syntax},
		{"a form that does not exist", "", pod(claim("orders-api@3:both", ""), "", ""), create, syntax},
		{"an entry too many", "", pod(claim("orders-api@3:env+files,", ""), "", ""), create, syntax},
		{"nothing, beside an entry", "", pod(claim("none,orders-api@3:env+files", ""), "", ""), create, syntax},
		{"another user", "", pod(claim("reports@3:env+files", ""), variables, ""), create, names},
		{"a further user", "", pod(claim("orders-api@3:env+files,reports@1:files", ""), variables, ""), create, names},
		{"another alias", "", pod(claim("r=orders-api@3:env+files", ""), variables, ""), create, names},
		{"files only, where variables are asked for, too", "", pod(claim("orders-api@3:files", ""), variables, ""), create, form},
		{"variables, where files are asked for", "", pod(claim("orders-api@3:env", ", dbtether.io/as: files"), variables, ""), create, form},
		{"no reference", "", pod(claim("orders-api@3:env+files", ""), "", ""), create, empty},
		{"a value in place of a reference", "", pod(claim("orders-api@3:env", ", dbtether.io/as: env"), ", env: [{name: PGHOST, value: x}]", ""), create, empty},
		{"variables without files", "", pod(claim("orders-api@3:env+files", ""), variables, ""), create, empty},
		{"files of another user", "", pod(claim("orders-api@3:files", ", dbtether.io/as: files"), ", volumeMounts: [{name: v, mountPath: /bindings/my-orders-api}]",
			", volumes: [{name: v, secret: {secretName: s}}]"), create, empty},
		{"variables without the prefix of the alias", "", pod("dbtether.io/inject: r-o=orders-api, dbtether.io/as: env, dbtether.io/injected: 'r-o=orders-api@3:env'", variables, ""), create, empty},
		{"one of two users", "", pod("dbtether.io/inject: 'orders-api,r=reports', dbtether.io/as: env, dbtether.io/injected: 'orders-api@3:env,r=reports@1:env'", variables, ""), create, empty},
		{"an annotation that nobody asked for", "", pod("dbtether.io/injected: 'orders-api@3:env'", variables, ""), create, unasked(ns)},
		{"nothing given, that nobody asked for", "", pod("dbtether.io/injected: none", "", ""), create, unasked(ns)},
		{"an annotation that nobody asked for, in another namespace", "", pod("dbtether.io/injected: 'orders-api@3:env'", "", ""),
			[]string{"create", "-n", plain, "-f", "-"}, unasked(plain)},
		{"an ephemeral container", "", "", debugging(ns, "orders", "one"), in(`NOT-INJECTED: an ephemeral container of pod "orders" in namespace "%[1]s" should get the credentials that the pod asks for (dbtether.io/inject), and did not: a DatabaseUser is not ready, or the webhook did not answer. Look at the users with: kubectl dbtether user list -n %[1]s. If they are ready, ask the platform team to run: kubectl dbtether check`)},

		{"a pod without our annotations", "", pod("other: a", "", ""), create, ""},
		{"a pod without annotations", "", "apiVersion: v1\nkind: Pod\nmetadata: {generateName: y-}\nspec: {containers: [{name: app, image: registry.example/app:1}]}\n", create, ""},
		{"an ephemeral container of such a pod", "", "", debugging(ns, "plain", "one"), ""},
		{"a label of a pod that has credentials", "", "", []string{"label", "pod", "orders", "-n", ns, "tier=a"}, ""},
		{"a finalizer of it", "", "", []string{"patch", "pod", "orders", "-n", ns, "--type=merge", "-p", `{"metadata":{"finalizers":["example.com/held"]}}`}, ""},
		{"its deletion", "", "", []string{"delete", "pod", "orders", "-n", ns, "--grace-period=0", "--force", "--wait=false"}, ""},
		{"that finalizer, while it is being deleted", "", "", []string{"patch", "pod", "orders", "-n", ns, "--type=merge", "-p", `{"metadata":{"finalizers":null}}`}, ""},
		{"a pod of kube-system", "", handmade("name: x-"+ns, "dbtether.io/other: a, dbtether.io/injected: 'a@1:env'", "", ""), []string{"create", "-n", "kube-system", "-f", "-"}, ""},
		{"a Secret", "", "apiVersion: v1\nkind: Secret\nmetadata: {generateName: s-}\nstringData: {a: b}\n", create, ""},
	})
	generated := handmade("generateName: orders-", "dbtether.io/inject: orders-api", "", "")
	if _, err := c.kubectl(generated, "create", "--as="+replicaSets, "-n", ns, "-f", "-"); err == nil || !strings.Contains(err.Error(), `NOT-INJECTED: pod "orders-`) {
		t.Errorf("the pod of a ReplicaSet: %v", err)
	}
	var users, entries, many []string
	for i := range 64 { // as many as one pod may ask for
		users, entries = append(users, fmt.Sprintf("u-%d=user-%[1]d", i)), append(entries, fmt.Sprintf("u-%d=user-%[1]d@1:env", i))
		many = append(many, referring(fmt.Sprintf("U_%d_", i)))
	}
	sidecars := ", initContainers: [" + strings.TrimSuffix(strings.Repeat("{name: c%d, image: registry.example/app:1, env: ["+strings.Join(many, ", ")+"]}, ", 4), ", ") + "]"
	large := pod("dbtether.io/inject: '"+strings.Join(users, ",")+"', dbtether.io/as: env, dbtether.io/injected: '"+strings.Join(entries, ",")+"'", "", fmt.Sprintf(sidecars, 1, 2, 3, 4))
	// These pass, and meet the webhook, which is down.
	for what, manifest := range map[string]string{
		"a binding that is whole":                   pod(claim("orders-api@3:env", ", dbtether.io/as: env"), variables, ""),
		"a binding of 64 users":                     large,
		"a pod that the webhook could give nothing": pod(claim("none", ""), "", ""),
	} {
		if _, err := c.kubectl(manifest, create...); err == nil || !strings.Contains(err.Error(), `failed calling webhook "enforce.dbtether.io"`) {
			t.Errorf("%s: %v", what, err)
		}
	}
	c.must(t, "", "delete", "pod", "x-"+ns, "-n", "kube-system", "--grace-period=0", "--force")
	c.running(t)
}

// The subresources that write a pod cannot say what it was given, either.
func TestSubresourcesLeaveAnnotations(t *testing.T) {
	c := newCluster(t)
	ns := c.namespace(t, enabled)
	c.user(t, ns, "orders-api", 3)
	c.must(t, podNamed("orders", "dbtether.io/inject: orders-api"), "create", "-n", ns, "-f", "-")
	binding := func(annotations string) string {
		return `{"apiVersion":"v1","kind":"Binding","metadata":{"name":"orders","namespace":"` + ns + `","annotations":{` + annotations + `}},"target":{"kind":"Node","name":"n"}}`
	}
	fixed := `ANNOTATION-FIXED: the annotations dbtether.io/… of pod "orders" in namespace "` + ns + `" say what it was given when it was created, and do not change. Leave them out of the Binding.`
	raw := func(path string) []string {
		return []string{"create", "--raw", "/api/v1/namespaces/" + ns + "/" + path, "-f", "-"}
	}
	for _, path := range []string{"pods/orders/binding", "bindings"} {
		if _, err := c.kubectl(binding(`"dbtether.io/injected":"orders-api@9:files"`), raw(path)...); err == nil || !strings.HasSuffix(err.Error(), fixed) {
			t.Errorf("%s: %v", path, err)
		}
	}
	c.must(t, binding(`"other":"a"`), raw("pods/orders/binding")...)

	text := c.must(t, "", "get", "pod", "orders", "-n", ns, "-o", "json")
	var object map[string]any
	if err := json.Unmarshal([]byte(text), &object); err != nil {
		t.Fatal(err)
	}
	meta := object["metadata"].(map[string]any)
	meta["annotations"].(map[string]any)["dbtether.io/injected"] = "orders-api@9:files"
	delete(meta, "resourceVersion")
	changed, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	for _, subresource := range []string{"resize", "ephemeralcontainers"} {
		c.must(t, string(changed), "replace", "--raw", "/api/v1/namespaces/"+ns+"/pods/orders/"+subresource, "-f", "-")
		if got := c.pod(t, ns, "orders").Annotations; got["dbtether.io/injected"] != "orders-api@3:env+files" || got["other"] != "a" {
			t.Errorf("after %s the annotations are %v", subresource, got)
		}
	}
}
