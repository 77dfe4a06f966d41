# A database on the older of two servers, and a newer server on which nothing is; both have
# an administrator of one name and password. pg_dump must not be older than the first
# server, so that it is one of PostgreSQL 15.
. "$STEPS/installed.sh"
PGPASSWORD=$SERVER_PASSWORD psql -q -v ON_ERROR_STOP=1 -h "$SERVER_HOST" -p "$SERVER_PORT" -U postgres -d postgres \
	-c "ALTER ROLE postgres PASSWORD '$OLDER_PASSWORD'" -c "DROP ROLE $ADMIN"
cat >pg_service.conf <<EOF
[old]
host=$OLDER_HOST
port=$OLDER_PORT
user=postgres
password=$OLDER_PASSWORD
[new]
host=$SERVER_HOST
port=$SERVER_PORT
user=postgres
password=$OLDER_PASSWORD
EOF
printf 'host=%s\nport=%s\n' "$SERVER_HOST" "$SERVER_PORT" >new-server
printf '%s' "$OLDER_PASSWORD" | kubectl dbtether cluster add main --endpoint "$OLDER_HOST" --port "$OLDER_PORT" --admin-username postgres \
	--admin-password - --credentials-namespace dbtether-system --allowed-namespaces shop
kubectl dbtether db create orders --cluster main --user orders-api
kubectl dbtether db psql orders -- -qc "CREATE TABLE orders (item text)" -c "INSERT INTO orders VALUES ('tea')"
# Of a type that is not Opaque: a backup has every managed Secret.
echo 'sk_test_1' | kubectl dbtether secret set app-secrets STRIPE_KEY=- --type example.com/app --reason 'test account'
echo 'sk_live_1' | kubectl dbtether secret set app-secrets STRIPE_KEY=- --reason 'live account'
