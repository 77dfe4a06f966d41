. "$STEPS/installed.sh"
. "$STEPS/registered.sh"
kubectl dbtether db create orders --cluster main --user orders-api

# The policy that the page writes, and its test, are its first two blocks of Rego.
block() { awk -v wanted="$1" '/^```/ { inside = $0 == "```rego" && ++n == wanted; next } inside' docs/policies.md; }
block 1 >naming.rego
block 2 >naming_test.rego

# What is judged.
cat >deployment.yaml <<'YAML'
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
      annotations: {dbtether.io/inject: orders-api}
    spec: {containers: [{name: app, image: "example/web:1"}]}
YAML
cat >database.yaml <<'YAML'
apiVersion: dbtether.io/v1alpha1
kind: Database
metadata: {name: shop-bills}
spec: {clusterRef: {name: main}}
YAML

# What a repository with policies and manifests looks like.
rm manifests
mkdir policies manifests
cp naming.rego naming_test.rego policies
cp docs/policies/data.yaml cluster.yaml
sed 's/name: shop-bills/name: shop-bills, namespace: shop/' database.yaml >manifests/database.yaml
