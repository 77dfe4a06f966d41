# A server that is administered as a managed one is: by a role that is no superuser. ca.crt
# is the authority that signed its certificate.
of() { sed -n "/\"postgresql\"/,\$ s/^ *\"$1\": \"\{0,1\}\([^\",]*\).*/\1/p" "$DBTETHER_TESTENV" | head -n 1; }
cp "$(of caFile)" ca.crt
printf '%s' "$(of adminPassword)" | kubectl dbtether cluster add main --endpoint "$(of host)" --port "$(of port)" --admin-username "$(of admin)" \
	--admin-password - --credentials-namespace dbtether-system --allowed-namespaces shop
kubectl dbtether db create orders --cluster main --user orders-api
kubectl create rolebinding developer --clusterrole=edit --user=developer
