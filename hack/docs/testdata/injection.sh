. "$STEPS/installed.sh"
. "$STEPS/registered.sh"
kubectl dbtether db create orders --cluster main --user orders-api
