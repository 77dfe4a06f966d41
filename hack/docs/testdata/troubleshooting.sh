# A server, a team with a database on it, and a team that has neither; then what goes wrong.
. "$STEPS/installed.sh"
kubectl label namespace shop dbtether.io/injection=enabled
kubectl create namespace team-b
kubectl create namespace platform
printf '%s' "$SERVER_PASSWORD" | kubectl dbtether cluster add main --endpoint "$SERVER_HOST" --port "$SERVER_PORT" --admin-username postgres \
	--admin-password - --credentials-namespace platform --allowed-namespaces shop
kubectl dbtether db create orders --cluster main --user orders-api --deletion-protection
kubectl dbtether db psql orders --admin -- -qc 'CREATE DATABASE legacy'
kubectl create secret generic app --from-literal=KEY=value
kubectl create rolebinding developer --clusterrole=dbtether-edit --user=developer
kubectl create rolebinding developer-view --clusterrole=dbtether-view --user=developer
# Servers that are registered wrongly.
wrong() { kubectl dbtether cluster add "$@" --allowed-namespaces shop --check=false; }
wrong closed --endpoint 127.0.0.1 --port 1 --credentials-secret platform/main-admin
wrong untrusted --endpoint "$SERVER_HOST" --port "$SERVER_PORT" --credentials-secret platform/main-admin --ssl-mode verify-full
kubectl create secret generic mistyped -n dbtether-system --from-literal=username=postgres --from-literal=password=mistyped
wrong mistyped --endpoint "$SERVER_HOST" --port "$SERVER_PORT" --credentials-secret dbtether-system/mistyped
