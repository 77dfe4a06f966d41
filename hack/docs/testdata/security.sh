# A team's database with a credential for one service account, and a developer who may edit
# in the team's namespace.
. "$STEPS/installed.sh"
kubectl label namespace shop dbtether.io/injection=enabled
printf '%s' "$ADMIN_PASSWORD" | kubectl dbtether cluster add main --endpoint "$SERVER_HOST" --port "$SERVER_PORT" --admin-username "$ADMIN" \
	--admin-password - --credentials-namespace dbtether-system --allowed-namespaces shop
kubectl dbtether db create orders --cluster main --user orders-api
kubectl create serviceaccount default 2>/dev/null || kubectl get serviceaccount default
# The controllers that fill Kubernetes' own role edit do not run here: what it gives on Secrets and pods.
kubectl create role edit --verb=get,list,create,patch --resource=secrets,pods
kubectl create rolebinding developer --role=edit --user=developer
