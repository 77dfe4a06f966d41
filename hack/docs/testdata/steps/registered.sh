# The platform team has registered the server, for the namespace shop, and lets the pods of
# that be injected.
printf '%s' "$SERVER_PASSWORD" | kubectl dbtether cluster add main --endpoint "$SERVER_HOST" --port "$SERVER_PORT" \
	--admin-username postgres --admin-password - --credentials-namespace dbtether-system --allowed-namespaces shop
kubectl label namespace shop dbtether.io/injection=enabled
