# A database on the older of two servers, and a newer server on which nothing is; both have
# an administrator of one name and password. pg_dump must not be older than the first
# server, so that the environment
# has PostgreSQL 15 and 18, in this order.
of() { sed -n "/\"postgresql\"/,\$ s/^ *\"$1\": \"\{0,1\}\([^\",]*\).*/\1/p" "$DBTETHER_TESTENV" | sed -n "${2}p"; }
password=$(of superuserPassword 1)
PGPASSWORD=$(of superuserPassword 2) psql -q -v ON_ERROR_STOP=1 -h "$(of host 2)" -p "$(of port 2)" -U "$(of superuser 2)" -d postgres -c "ALTER ROLE postgres PASSWORD '$password'" -c "DROP ROLE $(of admin 2)"
for i in 1 2; do
	name=$([ $i = 1 ] && echo old || echo new)
	printf '[%s]\nhost=%s\nport=%s\nuser=postgres\npassword=%s\n' $name "$(of host $i)" "$(of port $i)" "$password"
done >pg_service.conf
printf 'host=%s\nport=%s\n' "$(of host 2)" "$(of port 2)" >new-server
printf '%s' "$password" | kubectl dbtether cluster add main --endpoint "$(of host 1)" --port "$(of port 1)" --admin-username postgres \
	--admin-password - --credentials-namespace dbtether-system --allowed-namespaces shop
kubectl dbtether db create orders --cluster main --user orders-api
kubectl dbtether db psql orders -- -qc "CREATE TABLE orders (item text)" -c "INSERT INTO orders VALUES ('tea')"
echo 'sk_test_1' | kubectl dbtether secret set app-secrets STRIPE_KEY=- --reason 'test account'
echo 'sk_live_1' | kubectl dbtether secret set app-secrets STRIPE_KEY=- --reason 'live account'
