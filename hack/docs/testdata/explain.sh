. "$STEPS/installed.sh"
. "$STEPS/registered.sh"
kubectl dbtether db create orders --cluster main --user orders-api

# A Deployment, as a pod of it: nobody makes pods where there are no controllers.
deployment() { # NAME USER
	cat <<YAML
apiVersion: apps/v1
kind: Deployment
metadata: {name: $1}
spec:
  replicas: 2
  selector: {matchLabels: {app: $1}}
  template:
    metadata:
      labels: {app: $1}
      annotations: {dbtether.io/inject: $2, dbtether.io/containers: app}
    spec:
      containers:
        - {name: app, image: "example/web:1"}
        - {name: proxy, image: "example/proxy:1"}
YAML
}
pod() { # NAME
	kubectl apply -f - <<YAML
apiVersion: v1
kind: Pod
metadata:
  name: $1
  labels: {app: web}
  annotations: {dbtether.io/inject: orders-api, dbtether.io/containers: app}
spec:
  containers:
    - {name: app, image: "example/web:1"}
    - {name: proxy, image: "example/proxy:1"}
YAML
	kubectl patch pod "$1" --subresource status --type merge -p '{"status":{"phase":"Running"}}'
}
deployment web orders-api | kubectl apply -f -
deployment typo order-api | kubectl apply -f -
pod web-1
kubectl dbtether user rotate orders-api
pod web-2
