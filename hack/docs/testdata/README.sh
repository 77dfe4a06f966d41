. "$STEPS/installed.sh"
. "$STEPS/registered.sh"
kubectl create namespace team-b
printf '%s' "$SERVER_PASSWORD" >password

# A Deployment that opens more connections than the database takes, and one with a slip.
cat >deployment.yaml <<'YAML'
apiVersion: apps/v1
kind: Deployment
metadata: {name: api}
spec:
  replicas: 3
  selector: {matchLabels: {app: api}}
  template:
    metadata:
      labels: {app: api}
      annotations: {dbtether.io/inject: orders-api, dbtether.io/pool-size: "20"}
    spec: {containers: [{name: app, image: "example/api:1"}]}
YAML
cat >web.yaml <<'YAML'
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
      annotations: {dbtether.io/inject: order-api}
    spec: {containers: [{name: app, image: "example/web:1"}]}
YAML
