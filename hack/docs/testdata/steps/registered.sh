# The platform team has registered the server, for the namespace shop, and lets the pods of
# that be injected.
kubectl create namespace platform
printf '%s' "$SERVER_PASSWORD" | kubectl dbtether cluster add main --endpoint "$SERVER_HOST" --port "$SERVER_PORT" \
	--admin-username postgres --admin-password - --credentials-namespace platform --allowed-namespaces shop
kubectl label namespace shop dbtether.io/injection=enabled
