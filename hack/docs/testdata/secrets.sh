. "$STEPS/installed.sh"
. "$STEPS/registered.sh"
kubectl create clusterrolebinding bob --clusterrole=cluster-admin --user=bob

# A credential whose password is not the first any more.
kubectl dbtether db create orders --cluster main --user orders-api
kubectl patch databaseuser orders-api --type merge -p '{"spec":{"rotation":{"strategy":"InPlace"}}}'
kubectl dbtether user rotate orders-api

# The environments to which app-secrets is compared and copied.
kubectl create namespace staging
printf 'sk_test_2' | kubectl dbtether secret set app-secrets STRIPE_KEY=- -n staging
kubectl config set-context prod --cluster="$(kubectl config view -o jsonpath='{.clusters[0].name}')" \
	--user="$(kubectl config view -o jsonpath='{.users[0].name}')" --namespace=prod
kubectl create namespace prod
