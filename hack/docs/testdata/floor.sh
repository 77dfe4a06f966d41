# The policies are about resources that the definitions make known.
kubectl dbtether crds | kubectl apply --server-side -f -
