# A server that is administered as a managed one is: by a role that is no superuser. ca.crt
# is the authority that signed its certificate.
. "$STEPS/installed.sh"
cp "$SERVER_CA" ca.crt
printf '%s' "$ADMIN_PASSWORD" | kubectl dbtether cluster add main --endpoint "$SERVER_HOST" --port "$SERVER_PORT" --admin-username "$ADMIN" \
	--admin-password - --credentials-namespace dbtether-system --allowed-namespaces shop
kubectl dbtether db create orders --cluster main --user orders-api
kubectl create rolebinding developer --clusterrole=edit --user=developer
