# dbtether is installed; its webhook runs beside the API server, as there is no node.
kubectl dbtether install --webhook-url "$WEBHOOK_URL"
