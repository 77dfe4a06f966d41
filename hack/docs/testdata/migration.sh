# What the operator leaves when it is stopped: a database and a login, marked its way, the
# Secret with the login's credential, and its resources as manifests, which the page shows.
. "$STEPS/installed.sh"
export PGHOST=$SERVER_HOST PGPORT=$SERVER_PORT PGUSER=$ADMIN PGPASSWORD=$ADMIN_PASSWORD
psql -q -v ON_ERROR_STOP=1 -d postgres -c "CREATE ROLE my_app LOGIN PASSWORD 'made by the operator'" -c "CREATE DATABASE my_app" \
	-c "COMMENT ON DATABASE my_app IS 'dbtether:shop/my-app-db'" -c "REVOKE CONNECT ON DATABASE my_app FROM PUBLIC" \
	-c "GRANT CONNECT ON DATABASE my_app TO my_app"
psql -q -v ON_ERROR_STOP=1 -d my_app -c "GRANT USAGE, CREATE ON SCHEMA public TO my_app"
PGUSER=my_app PGPASSWORD='made by the operator' psql -q -v ON_ERROR_STOP=1 -d my_app -c "CREATE TABLE orders (item text)" -c "INSERT INTO orders VALUES ('tea')"
kubectl create secret generic my-app-credentials --from-literal=DB_HOST="$PGHOST" --from-literal=DB_PORT="$PGPORT" \
	--from-literal=DB_NAME=my_app --from-literal=DB_USER=my_app --from-literal=DB_PASSWORD='made by the operator'
kubectl create namespace platform
kubectl create secret generic main-admin -n platform --from-literal=username="$PGUSER" --from-literal=password="$PGPASSWORD"
kubectl dbtether cluster add main --endpoint "$PGHOST" --port "$PGPORT" --credentials-secret platform/main-admin --allowed-namespaces shop
